"""Node that asks for an adaptation, shows how it goes and ends with its result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rclpy.action import ActionClient
from rclpy.node import Node

from oda_bringup.cli.console import complain, say
from oda_bringup.cli.exits import Exit
from oda_bringup.progress import Phases
from oda_bringup.summary import show_summary
from oda_core.config import to_mapping
from oda_core.errors import SessionError
from oda_core.ros.goals import SentGoal
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_msgs.action import Adapt

CHECK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class GoalSettings:
    """The goal of /oda/adapt; fields and units as in oda_msgs/action/Adapt."""

    connector: str = setting("", "name of the mounted connector")
    demonstrations: str = setting("", "bag directory or buffer file")
    output: str = setting("", "session directory")
    seed: int = setting(0, "of every random choice in the session")
    trials: int = setting(100, "episodes of each evaluation")
    max_training_episodes: int = setting(300, "budget of training episodes")
    max_robot_minutes: float = setting(30.0, "budget of robot time for finetuning [min]")
    patience_s: float = setting(60.0, "how long to wait for the adapt node [s]")


class AdaptClient(Node):
    """Sends one goal and ends the process with an exit code of oda_bringup.cli.exits."""

    def __init__(self) -> None:
        super().__init__("adapt_client")
        self._settings = declare(self, GoalSettings)
        self._client = ActionClient(self, Adapt, "/oda/adapt")
        self._phases = Phases(self._settings.trials, self._settings.max_training_episodes)
        self._sent: SentGoal | None = None
        self._waited_s = 0.0
        self._timer = self.create_timer(CHECK_S, self._turn)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._phases.close()

    def _turn(self) -> None:
        """Send the goal when somebody can take it, and look what became of it."""
        if not self._client.server_is_ready():
            self._waited_s += CHECK_S
            if self._waited_s > self._settings.patience_s:
                raise SessionError(
                    f"/oda/adapt: no adapt node after {self._settings.patience_s:g} s; see its log"
                )
            return
        if self._sent is None:
            values = to_mapping(self._settings)
            del values["patience_s"]
            self._sent = SentGoal(self._client, Adapt.Goal(**values), self._on_feedback)
        elif self._sent.answered():
            self._follow(self._sent)

    def _follow(self, sent: SentGoal) -> None:
        """Wait for the end of a goal that the server has answered."""
        if sent.refused:
            complain("the adapt node refused the goal; see its log for the reason")
            raise SystemExit(Exit.BAD_INPUT)
        if sent.ended():
            self._finish(sent.result.result().result)

    def _on_feedback(self, message: Any) -> None:
        self._phases.show(message.feedback)

    def _finish(self, result: Adapt.Result) -> NoReturn:
        self._phases.close()
        if not result.report_json:
            raise SystemExit(self._stopped(result.message))
        show_summary(Path(result.report_json))
        raise SystemExit(Exit.OK if result.success else Exit.NOT_ACCEPTED)

    def _stopped(self, reason: str) -> int:
        """Say why there is no report; wrong input shows before the first episode."""
        complain(reason)
        if not self._phases.episodes:
            return Exit.BAD_INPUT
        if (report := Path(self._settings.output, "report.json")).exists():
            show_summary(report)
        say(f"continue with: oda adapt --resume --output {self._settings.output}")
        return Exit.NOT_ACCEPTED


def main() -> None:
    """Entry of the executable."""
    run_node(AdaptClient)
