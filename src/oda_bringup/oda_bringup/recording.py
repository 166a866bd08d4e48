"""The recorder at a person's terminal: what is due, what is missing, and keys."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Mapping

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.parameter import Parameter
from rich.text import Text

from oda_bringup.cli.console import ERR
from oda_teleop.guide import Recorded
from oda_teleop.quality import Level
from oda_teleop.ros.recorder_node import RecorderNode

KEYS_S = 0.1
STYLES = {Level.GOOD: "", Level.DOUBTFUL: "yellow", Level.BAD: "bold red"}


class GuidedRecorder(RecorderNode):
    """Says on the terminal what the recorder knows; ends when enough is recorded."""

    def __init__(self, parameters: Mapping[str, object]) -> None:
        """Create the bag and listen to the keyboard, if there is one."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        super().__init__(overrides)
        self._last = ""  # what was announced
        self._keys = Keys()
        self._acts: Mapping[str, Callable[[], tuple[bool, str]]] = {
            "d": self.discard,
            "p": self.pause,
            "r": self.resume,
        }
        self.create_timer(KEYS_S, self._turn, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def tell(self, level: Level, text: str) -> None:
        """Show a line."""
        ERR.print(Text(text, STYLES[level]))

    def judged(self, episode: Recorded) -> None:
        """End with the last demonstration that is wanted."""
        self._last = ""
        if self.guide.complete:
            self.tell(Level.GOOD, f"{self.guide.kept} demonstrations are recorded")
            raise SystemExit(0)

    def _turn(self) -> None:
        for key in self._keys.pressed():
            if key == "q":
                raise SystemExit(0)
            if key in self._acts:
                done, text = self._acts[key]()
                self.tell(Level.GOOD if done else Level.DOUBTFUL, text)
                self._last = ""
        announced = self._due()
        if announced != self._last:
            self._last = announced
            self.tell(Level.DOUBTFUL if self.silent else Level.GOOD, announced)

    def _due(self) -> str:
        """What a person should know now."""
        if self.guide.paused:
            return "paused; r resumes"
        if self.silent:
            silent = "; ".join(f"{topic}: {why}" for topic, why in self.silent.items())
            return f"waiting for {silent}"
        doing = "recording" if self.guide.running else "waiting for its start"
        return f"{self.guide.title}: {doing}"

    def close(self) -> None:
        """Give the terminal back and close the bag."""
        self._keys.close()
        super().close()


class Keys:
    """Keys as they are pressed, without Return; none where there is no terminal."""

    def __init__(self) -> None:
        """Switch the terminal over."""
        self._terminal = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else -1
        if self._terminal >= 0:
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal)

    def pressed(self) -> str:
        """Those since the last time."""
        if self._terminal < 0 or not select.select([self._terminal], [], [], 0)[0]:
            return ""
        return os.read(self._terminal, 100).decode(errors="ignore")

    def close(self) -> None:
        """Switch the terminal back."""
        if self._terminal >= 0:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
            self._terminal = -1
