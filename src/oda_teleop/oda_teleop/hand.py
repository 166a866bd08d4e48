"""The person's hand as a device shows it: what it wants, and whether it holds the deadman.

Nothing here trusts a device to stay: a driver may fall silent, stream zeros or the last deflection
after its mouse was unplugged, or keep a button down that nobody holds any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oda_core.settings import setting
from oda_teleop.buttons import Levels
from oda_teleop.shaping import Shaping, Six, deflect

ZERO = np.zeros(6)
MOTION = -1  # as the deadman button: any deflection holds it
LARGE = 0.3  # part of the full deflection from which nobody lets go within one message
SLEPT_S = 0.12  # between two ticks
NEVER_S = -1e9
STILL_S = 0.02  # a driver that zeroes a puck held still does so after a pause
ZEROED = 3  # such jumps to zero that are worth a warning


@dataclass(frozen=True, kw_only=True)
class DeadmanSettings:
    """When the hand holds the robot."""

    deadman_button: int = setting(
        0, "Button that must be held to move the robot; -1: any deflection does", bounds=(-1, 63),
        mutable=True,
    )  # fmt: skip
    silent_s: float = setting(
        0.25, "Time without a message after which the device is gone [s]", bounds=(0.05, 2.0),
        mutable=True,
    )  # fmt: skip
    lapse_s: float = setting(
        3.0, "Time at rest after which the deadman must be pressed anew [s]", bounds=(0.5, 60.0),
        mutable=True,
    )  # fmt: skip
    frozen_s: float = setting(
        1.0, "Time without any change of a deflection after which nobody holds it [s]",
        bounds=(0.2, 3600.0), mutable=True,
    )  # fmt: skip
    linger_s: float = setting(
        0.3, "Time at rest after which a deflection, as deadman, lets go [s]", bounds=(0.0, 5.0),
        mutable=True,
    )  # fmt: skip


class Hand:
    """Follow one device; times are passed in [s] of a steady clock.

    Attributes:
        raw: (6,) newest deflection as the driver reports it.
        refused: messages with a number that is not finite.
        zeroed: jumps from a large deflection to exactly zero after a pause: the driver hides a
            puck that is held still.
    """

    def __init__(self, deadman: DeadmanSettings, shaping: Shaping) -> None:
        """Nobody is there."""
        self.deadman, self.shaping = deadman, shaping
        self.raw: Six = ZERO
        self.refused = self.zeroed = 0
        self._levels = Levels()
        self._seen: Six = ZERO  # newest message
        self._changed_s = NEVER_S
        self._heard_s, self._moved_s, self._looked_s = NEVER_S, NEVER_S, 0.0
        self._armed = False  # the deadman was pressed and has not lapsed since
        self._centred = False  # the puck was at rest since the device appeared

    def motion(self, raw: Sequence[float], now_s: float) -> None:
        """Take a deflection as the driver reports it, (6,)."""
        deflection = np.asarray(raw, float)
        if not np.all(np.isfinite(deflection)):
            self.refused += 1
            return
        self.present(now_s)
        large = np.abs(self.raw).max() > LARGE * self.shaping.full_scale
        self.zeroed += large and not deflection.any() and now_s - self._heard_s > STILL_S
        if not np.array_equal(deflection, self._seen):
            self._changed_s = now_s
        self._heard_s, self.raw, self._seen = now_s, deflection, deflection
        if deflect(deflection, self.shaping).any():
            self._moved_s = now_s
        else:
            self._centred = True

    def buttons(self, levels: Sequence[int], now_s: float) -> tuple[frozenset[int], frozenset[int]]:
        """Take the levels of the buttons; those that went down and up."""
        pressed, released = self._levels.update(levels)
        if self.deadman.deadman_button in pressed and self.present(now_s):
            self._armed, self._moved_s = True, now_s
        return pressed, released

    def present(self, now_s: float) -> bool:
        """The device speaks. A silent one is forgotten: it must come to rest before it counts.

        Called at every tick; when that comes late this process has slept, not the device.
        """
        slept_s, self._looked_s = now_s - self._looked_s, now_s
        if slept_s > SLEPT_S:
            self._heard_s += slept_s
        silent = now_s - self._heard_s > self.deadman.silent_s
        if not silent and not self._is_frozen(now_s):
            return True
        self.raw, self._armed, self._centred = ZERO, False, False
        if silent:
            self._seen = ZERO
        return not silent

    def holds(self, now_s: float) -> bool:
        """The person holds the robot: it follows the deflection, even one of zero."""
        if not self.present(now_s) or not self._centred:
            return False
        rested_s = now_s - self._moved_s
        if self.deadman.deadman_button == MOTION:
            return rested_s <= self.deadman.linger_s
        self._armed &= rested_s <= self.deadman.lapse_s
        return self._armed and self._levels.is_down(self.deadman.deadman_button)

    @property
    def lapsed(self) -> bool:
        """The deadman's button is down but counts no more."""
        return not self._armed and self._levels.is_down(self.deadman.deadman_button)

    def _is_frozen(self, now_s: float) -> bool:
        """The driver repeats a deflection of a mouse that is gone: a hand is never that still."""
        still = now_s - self._changed_s > self.deadman.frozen_s
        return still and bool(deflect(self._seen, self.shaping).any())
