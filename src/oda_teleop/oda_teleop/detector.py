"""Whether the plug is in its socket, from where the TCP is: for a robot without a sensor for it."""

import math
from dataclasses import dataclass

from oda_core.homing import TaughtPose
from oda_core.settings import setting
from oda_core.types import TcpState


@dataclass(frozen=True, kw_only=True)
class Goal(TaughtPose):
    """Where the plug is inserted, and how far off still counts."""

    depth_m: float = setting(
        1e-3, "Missing depth that still counts as inserted [m]", bounds=(1e-4, 0.02)
    )
    lateral_m: float = setting(
        1e-3, "Distance from the goal's axis that still counts [m]", bounds=(1e-4, 0.02)
    )
    held_s: float = setting(0.05, "Time that the plug must stay inserted [s]", bounds=(0.0, 5.0))


class Detector:
    """Depth and place, held for a while."""

    def __init__(self, goal: Goal) -> None:
        """Nothing is inserted yet.

        Args:
            goal: that was taught.

        Raises:
            ValueError: it was not.
        """
        self._goal, self._pose = goal, goal.pose
        self._since_ns: int | None = None

    def feel(self, state: TcpState) -> bool:
        """Take a measured state; whether the plug is inserted and has been for held_s."""
        x, y, z = state.pose.relative_to(self._pose).position.tolist()
        if z < -self._goal.depth_m or math.hypot(x, y) > self._goal.lateral_m:
            self._since_ns = None
            return False
        if self._since_ns is None or state.stamp_ns < self._since_ns:
            self._since_ns = state.stamp_ns
        return state.stamp_ns - self._since_ns >= self._goal.held_s * 1e9
