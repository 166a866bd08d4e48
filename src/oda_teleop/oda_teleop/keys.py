"""A keyboard as a device: each key is an axis or a button for a moment.

A terminal tells that a key was pressed and, after a pause, that it repeats; never that it was let
go. So a tap moves for a moment, and a held key moves while it repeats.
"""

import re

import numpy as np

from oda_teleop.shaping import FULL_DEFLECTION, Six

SPECIAL = re.compile(r"\x1b(\[[0-9;]*[A-Za-z~]|O.)?")  # arrows and the like have letters in them
HOLD_S = 0.12  # that a key counts after it was heard; longer than the repetition of a held key
PRESS_S = 0.15
AXES = {
    "w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "r": (2, 1), "f": (2, -1),
    "l": (3, 1), "j": (3, -1), "k": (4, 1), "i": (4, -1), "u": (5, 1), "o": (5, -1),
}  # fmt: skip
HELP = (
    "w/s away and back, a/d left and right, r/f up and down, j/l i/k u/o turn about those axes; "
    "digits are buttons: 1 start, 2 success, 3 failure, 5 gear, 6 tare, 7 reset, 8 take back"
)


class Keys:
    """What the keys of the last moment mean; times are passed in [s]."""

    def __init__(self) -> None:
        """No key was pressed."""
        self._heard: dict[str, float] = {}

    def press(self, characters: str, now_s: float) -> None:
        """Take what the terminal gives."""
        for key in SPECIAL.sub("", characters).lower():
            if key in AXES or key.isdecimal():
                self._heard[key] = now_s

    def deflection(self, now_s: float) -> Six:
        """(6,) as a space mouse's driver would report it."""
        axes = np.zeros(6)
        for key, since_s in self._heard.items():
            if key in AXES and now_s - since_s <= HOLD_S:
                axis, sign = AXES[key]
                axes[axis] += sign * FULL_DEFLECTION
        return axes

    def buttons(self, now_s: float) -> list[int]:
        """0 or 1 of each digit."""
        return [int(now_s - self._heard.get(str(n), -np.inf) <= PRESS_S) for n in range(10)]
