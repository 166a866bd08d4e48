"""When a space mouse's driver publishes what: the behaviour of the spacenav node, as a function.

It looks for events a thousand times a second. A motion is published when no event is left; 31 looks
without an event publish the motion again, as zero (zero_when_static) or, with small values in a
dead band, partly zero. The list of buttons grows with the first press of each. The axes are those
of REP-103: x away from the person, y to the left, z up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from oda_core.settings import setting
from oda_teleop.shaping import Six
from oda_teleop.spnav import Button, Event, Motion


@dataclass(frozen=True, kw_only=True)
class DriverSettings:
    """Parameters under the names of the spacenav node."""

    full_scale: float = setting(512.0, "Counts that are reported as 1", bounds=(1.0, 1e4))
    zero_when_static: bool = setting(True, "Report a puck that is held still as let go")
    static_count_threshold: int = setting(
        30, "Looks without an event after which the puck is still", bounds=(1, 10_000)
    )
    static_trans_deadband: float = setting(
        0.1, "A still puck's shifts that are all below this are zero", bounds=(0.0, 1.0)
    )
    static_rot_deadband: float = setting(
        0.1, "A still puck's turns that are all below this are zero", bounds=(0.0, 1.0)
    )


class Report(NamedTuple):
    """What one look publishes."""

    twist: Six | None  # (6,); None: no twist
    buttons: tuple[int, ...]  # with the axes
    axes: Six  # (6,)


class Driver:
    """Turn events into reports.

    Args:
        settings: of the node.
        every_look: buttons and axes are published at every look once there was anything, as the
            spacenav node does; else with each motion and button.
    """

    def __init__(self, settings: DriverSettings, *, every_look: bool) -> None:
        """At rest, no button known."""
        self._settings, self._every_look = settings, every_look
        self._axes: Six = np.zeros(6)
        self._buttons: list[int] = []
        self._still = 0
        self._moved = self._spoken = False

    def look(self, events: Sequence[Event]) -> list[Report]:
        """Take the events since the last look; what to publish, in order."""
        found = [self._report(event) for event in (*events, None)]
        return [report for report in found if report is not None]

    def forget(self) -> list[Report]:
        """The mouse is gone: at rest, every button up."""
        self._axes, self._buttons = np.zeros(6), [0] * len(self._buttons)
        self._moved = True
        return self.look([])

    def _report(self, event: Event | None) -> Report | None:
        """What an event publishes, or the end of a look, which is None."""
        pressed = self._take(event) or self._spoken
        moves = self._moved and (event is None or pressed)
        if moves:
            self._still, self._moved = 0, False
        self._spoken = self._every_look and (pressed or moves)
        if not (moves or pressed):
            return None
        return Report(self._axes if moves else None, tuple(self._buttons), self._axes)

    def _take(self, event: Event | None) -> bool:
        """Note an event; whether it was a button's."""
        if event is None:
            self._still += 1
            if self._still > self._settings.static_count_threshold:
                self._axes, self._still, self._moved = self._at_rest(), 0, True
        elif isinstance(event, Motion):
            self._axes, self._moved = _device_axes(event) / self._settings.full_scale, True
        elif isinstance(event, Button) and event.number >= 0:
            self._buttons += [0] * (event.number + 1 - len(self._buttons))
            self._buttons[event.number] = int(event.down)
            return True
        return False

    def _at_rest(self) -> Six:
        s, parts = self._settings, (self._axes[:3], self._axes[3:])
        bands = (s.static_trans_deadband, s.static_rot_deadband)
        kept = [
            np.zeros(3) if s.zero_when_static or np.all(np.abs(part) < band) else part
            for part, band in zip(parts, bands, strict=True)
        ]
        return np.concatenate(kept)


def _device_axes(event: Motion) -> Six:
    """From the daemon's axes, x right, y up and z away from the person, to those of REP-103."""
    x, y, z, rx, ry, rz = event.counts
    return np.array([z, -x, y, rz, -rx, ry], float)
