"""When a device's twist is published: how the person takes the robot and gives it back."""

from enum import Enum

RELEASE_S = 0.12  # of rest after the person has let go, so that the robot stands before others act


class Turn(Enum):
    """What to publish."""

    MOVE = "move"  # the device's twist
    REST = "rest"  # a twist of zero
    SILENT = "silent"  # nothing: the robot belongs to others


class Handover:
    """Decide at each tick; times are passed in [s].

    While the deadman is held the device moves the robot. In a demonstration, which nobody else
    acts in, letting go means rest, from the first motion to the end of the episode; elsewhere it
    gives the robot back. A device that is gone publishes nothing, and the watchdog stops the robot.
    """

    def __init__(self) -> None:
        """No demonstration runs."""
        self._demonstrating = self._begun = False
        self._held_s = float("-inf")

    def episode(self, *, demonstration: bool) -> None:
        """An episode began, or none runs any more."""
        self._demonstrating, self._begun = demonstration, False

    def turn(self, *, present: bool, holds: bool, now_s: float) -> Turn:
        """What to publish now."""
        if not present:
            return Turn.SILENT
        if holds:
            self._held_s, self._begun = now_s, True
            return Turn.MOVE
        resting = self._demonstrating and self._begun
        return Turn.REST if resting or now_s - self._held_s <= RELEASE_S else Turn.SILENT
