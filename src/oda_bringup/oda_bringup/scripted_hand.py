"""A person at a space mouse, scripted: steers as the operator model would, presses, makes mistakes.

What it makes are the events of a mouse; its driver, the teleoperation node and all behind them are
those of a person's.
"""

from collections.abc import Generator, Sequence
from typing import Literal, get_args

import numpy as np

from oda_core.se3 import quat_conjugate, quat_from_rotvec, quat_rotate
from oda_core.spec import TaskSpec
from oda_teleop.puck import DriverSettings
from oda_teleop.shaping import TOOL_FROM_DEVICE, Shaping, Six, dead_band, expo
from oda_teleop.spnav import Button, Event, Motion

Mishap = Literal["none", "discard", "failure", "unplug", "silence"]
MISHAPS: tuple[Mishap, ...] = get_args(Mishap)
Script = Generator[None, None, None]

DEADMAN, START = 0, 1  # buttons
REPORT_S = 0.008  # between a mouse's motion events
PRESS_S, LONG_S, PATIENCE_S = 0.15, 1.0, 1.5
UNPLUGGED_S = 4.0  # longer than a deadman that is held at rest counts
SILENT_S = 2.5  # longer than the watchdog waits
BEFORE_S = 0.5  # of steering before a mishap
TRY_S, HELP_S = 1.0, 1.5  # of a policy before a person helps, and of the help
TABLE = np.linspace(-1.0, 1.0, 2001)


def read_mishaps(text: str) -> list[Mishap]:
    """Mishaps of a list such as "none, discard"; none of an empty one.

    Raises:
        ValueError: there is no such mishap.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in MISHAPS:
            raise ValueError(f"mishaps: found {word!r}, expected some of {', '.join(MISHAPS)}")
    return [MISHAPS[MISHAPS.index(word)] for word in words]


def counts_of(twist: Six, shaping: Shaping, tcp: Six, spec: TaskSpec) -> tuple[int, ...]:
    """What a mouse must count so that the teleoperation node makes a twist of it, or the nearest.

    Args:
        twist: (6,) wanted TCP twist [m/s, rad/s], TCP frame.
        shaping: of the teleoperation node, without a lock.
        tcp: (4,) quaternion xyzw of the TCP in the base frame.
        spec: largest speeds.
    """
    heading = quat_from_rotvec(np.array([0.0, 0.0, -np.deg2rad(shaping.heading_deg)]))
    out = quat_conjugate(TOOL_FROM_DEVICE) if shaping.frame == "tool" else tcp
    along = [quat_rotate(heading, quat_rotate(out, part)) for part in (twist[:3], twist[3:])]
    speed = np.array(shaping.scale) * shaping.gears[shaping.gear] * spec.action_scale
    wanted = np.clip(np.concatenate(along) / speed, -1.0, 1.0)
    curve = expo(dead_band(TABLE, shaping.dead_band), shaping.expo)
    axes = np.interp(wanted, curve, TABLE) * shaping.full_scale * DriverSettings().full_scale
    x, y, z, rx, ry, rz = np.where(wanted == 0.0, 0, np.rint(axes)).astype(int).tolist()
    return (-y, z, x, -ry, rz, rx)  # as the daemon counts


class Person:
    """Begins, steers, marks and takes back; asked at every look of the driver.

    Attributes:
        running: a demonstration runs; set from outside.
        watching: an episode of the policy runs; set from outside.
        inserted: the person sees that it is done; set from outside.
        wanted: (6,) counts that the person wants to steer; None: nothing; set from outside.
        seen_s: when the person last saw the robot move; set from outside.
        plugged: the mouse is plugged in.
        driving: the driver runs.
    """

    def __init__(self, mishaps: Sequence[Mishap]) -> None:
        """Have a mishap in the first episode, the second, and so on; later none."""
        self.running = self.watching = self.inserted = False
        self.wanted: tuple[int, ...] | None = None
        self.plugged = self.driving = True
        self._mishaps = list(mishaps)
        self._now_s = self._moved_s = self.seen_s = 0.0
        self._counts = (0,) * 6
        self._events: list[Event] = []
        self._script = self._life()

    def look(self, now_s: float) -> list[Event]:
        """The events since the last look; times are passed in [s]."""
        self._now_s = now_s
        next(self._script)
        events, self._events = self._events, []
        return events if self.plugged else []

    def _life(self) -> Script:
        while True:
            if self.watching:
                yield from self._take_over()
                continue
            yield from self._begin()
            if not self.running:
                continue
            mishap = self._mishaps.pop(0) if self._mishaps else "none"
            self._button(DEADMAN, down=True)
            yield from self._wait(0.1)
            yield from self._demonstrate(mishap)
            self._steer((0,) * 6)
            self._button(DEADMAN, down=False)
            if mishap == "discard":
                yield from self._wait(0.3)
                yield from self._press(START, LONG_S)
            yield from self._wait(0.5)
            while self.running:  # until the session has taken note
                yield

    def _begin(self) -> Script:
        """Press start now and then until an episode runs."""
        while not (self.running or self.watching):
            yield from self._press(START, PRESS_S)
            yield from self._wait(PATIENCE_S, until_running=True)

    def _take_over(self) -> Script:
        """Let the policy try, help for a while, and give the robot back."""
        yield from self._wait(TRY_S)
        self._button(DEADMAN, down=True)
        yield from self._wait(0.1)
        yield from self._steer_for(HELP_S)
        self._steer((0,) * 6)
        self._button(DEADMAN, down=False)
        while self.watching:
            yield

    def _demonstrate(self, mishap: Mishap) -> Script:
        if mishap in ("failure", "unplug", "silence"):
            yield from self._steer_for(BEFORE_S)
        if mishap == "failure":
            yield from self._press(START, LONG_S)
        elif mishap == "unplug":
            self.plugged = False  # the driver hears nothing, not even of the button
            yield from self._wait(UNPLUGGED_S)
            self.plugged = True
            yield from self._hold_anew()
        elif mishap == "silence":
            self.driving = False
            yield from self._wait(SILENT_S)
            self.driving = True
        while self._busy:
            yield from self._steer_for(PATIENCE_S)
            if self._busy and self._now_s - self.seen_s > PATIENCE_S:
                yield from self._hold_anew()

    @property
    def _busy(self) -> bool:
        return (self.running or self.watching) and not self.inserted

    def _hold_anew(self) -> Script:
        self._steer((0,) * 6)
        for down in (True, False, True):
            self._button(DEADMAN, down=down)
            yield from self._wait(0.1)

    def _steer_for(self, seconds: float) -> Script:
        end_s = self._now_s + seconds
        while True:
            self._steer(self.wanted or (0,) * 6)
            yield
            if self._now_s >= end_s or not self._busy:
                return

    def _steer(self, counts: tuple[int, ...]) -> None:
        """A mouse reports while it is deflected, and once when it comes to rest."""
        due = self._now_s - self._moved_s >= REPORT_S
        if (any(counts) and due) or (any(self._counts) and not any(counts)):
            self._events.append(Motion(counts, round((self._now_s - self._moved_s) * 1e3)))
            self._counts, self._moved_s = counts, self._now_s

    def _press(self, number: int, seconds: float) -> Script:
        self._button(number, down=True)
        yield from self._wait(seconds)
        self._button(number, down=False)

    def _button(self, number: int, *, down: bool) -> None:
        self._events.append(Button(number, down))

    def _wait(self, seconds: float, *, until_running: bool = False) -> Script:
        end_s = self._now_s + seconds
        while self._now_s < end_s and not (until_running and self._busy):
            yield
