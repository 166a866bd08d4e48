"""Whether the plug is in its socket, from where the TCP is: for a robot without a sensor for it."""

import math
from dataclasses import dataclass

from oda_core.homing import pose_of
from oda_core.se3 import Pose
from oda_core.settings import setting
from oda_core.types import TcpState


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The TCP of an inserted plug in the base frame, its z axis into the socket, and tolerances.

    Raises:
        ValueError: a wrong count of numbers, or a quaternion without unit norm.
    """

    position_m: tuple[float, ...] = setting(
        (), "TCP of the inserted plug in the base frame, x, y, z [m]; empty: not taught",
        bounds=(-1.0, 1.5),
    )  # fmt: skip
    orientation: tuple[float, ...] = setting(
        (0.0, 1.0, 0.0, 0.0), "Its orientation in the base frame, quaternion x, y, z, w",
        bounds=(-1.0, 1.0),
    )  # fmt: skip
    depth_m: float = setting(
        1e-3, "Missing depth that still counts as inserted [m]", bounds=(1e-4, 0.02)
    )
    lateral_m: float = setting(
        1e-3, "Distance from the goal's axis that still counts [m]", bounds=(1e-4, 0.02)
    )
    held_s: float = setting(0.05, "Time that the plug must stay inserted [s]", bounds=(0.0, 5.0))

    def __post_init__(self) -> None:
        pose_of(self.position_m or (0.0, 0.0, 0.0), self.orientation)

    @property
    def pose(self) -> Pose | None:
        """TCP of the inserted plug in the base frame, None if nobody taught it."""
        return pose_of(self.position_m, self.orientation) if self.position_m else None


class Detector:
    """Depth and place, held for a while."""

    def __init__(self, goal: Goal) -> None:
        """Nothing is inserted yet.

        Args:
            goal: that was taught.

        Raises:
            ValueError: it was not.
        """
        if goal.pose is None:
            raise ValueError("goal: not taught; run oda teach goal with the plug in its socket")
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
