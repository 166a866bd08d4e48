"""The reset motion of the simulated arm: that of the robot, faster and from exact measurements."""

from collections.abc import Iterator

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.homing import START, Motion, return_to_start
from oda_core.se3 import Pose

Vector = NDArray[np.float64]
MOTION = Motion(
    period_s=0.01, gain_1_s=8.0, linear_m_s=0.08, angular_rad_s=0.5, near_m=3e-5, near_rad=3e-4
)
FREE = 0.8  # part of the start's height at which the plug is clear of the socket


def reset_velocities(
    data: mujoco.MjData, tcp: int, height_m: float, noise_m: Vector
) -> Iterator[Vector]:
    """Set-point velocities (6,) in the start frame [m/s, rad/s], one per tick of 10 ms.

    Args:
        data: of the running simulation, advanced by the caller after each item.
        tcp: id of the TCP site.
        height_m: of the nominal start above the socket's face.
        noise_m: (3,) offset of the goal in the start frame.

    Raises:
        JammedError: the plug is still in the socket after pulling and wiggling.
    """

    def sense() -> Pose:
        quaternion = np.zeros(4)
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[tcp])
        return Pose(data.site_xpos[tcp], np.roll(quaternion, -1)).relative_to(START)

    motion = return_to_start(sense, MOTION, (1 - FREE) * height_m, noise_m)
    return (velocity for _, velocity in motion)
