"""The reset motion: retract along the insertion, return to the start, settle."""

from collections.abc import Iterator

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.errors import JammedError
from oda_core.se3 import Pose, quat_from_rotvec, quat_multiply, rotvec_from_quat
from oda_sim.scene import START

Vector = NDArray[np.float64]
TICK_S = 0.01
GAIN_1_S = 8.0
SPEED_LIMIT = np.array([0.08, 0.08, 0.08, 0.5, 0.5, 0.5])  # [m/s, rad/s]
ARRIVED = np.array([3e-5, 3e-5, 3e-5, 3e-4, 3e-4, 3e-4])  # [m, rad]
PATIENCE_S = 4.0  # beyond the way at full speed, before something counts as jammed
WIGGLE_RAD_S = 0.1
WIGGLE_HZ = 1.5
SETTLE_TICKS = 20


def return_to_start(
    data: mujoco.MjData, frames: tuple[int, Pose], clearance_m: float, noise_m: Vector
) -> Iterator[Vector]:
    """Set-point velocities (6,) in the start frame [m/s, rad/s], one per tick of 10 ms.

    Args:
        data: of the running simulation, advanced by the caller after each item.
        frames: id of the TCP site, and the socket's pose in the base frame.
        clearance_m: distance to retract to, from the socket's face.
        noise_m: (3,) offset of the goal in the start frame.

    Raises:
        JammedError: the plug is still in the socket after pulling and wiggling.
    """
    tcp, socket = frames
    yield from _retract(data, tcp, socket, 0.8 * clearance_m)
    goal = np.concatenate([noise_m, np.zeros(3)])
    yield from _approach(data, tcp, goal)
    for _ in range(SETTLE_TICKS):
        yield _towards(data, tcp, goal)


def _retract(data: mujoco.MjData, tcp: int, socket: Pose, clearance_m: float) -> Iterator[Vector]:
    face = float(socket.position[2])
    pull = np.array([0.0, 0.0, -SPEED_LIMIT[2], 0.0, 0.0, 0.0])
    elapsed = 0.0
    while data.site_xpos[tcp][2] < face + clearance_m:
        if elapsed > 2 * PATIENCE_S:
            raise JammedError(
                f"reset: the plug is jammed {1e3 * (face - data.site_xpos[tcp][2]):.1f} mm deep "
                f"after {elapsed:.0f} s of pulling; free it, or raise its limits.axial_n"
            )
        velocity = pull.copy()
        if elapsed > PATIENCE_S:
            velocity[3:] = WIGGLE_RAD_S * np.sin(
                2 * np.pi * WIGGLE_HZ * elapsed + np.array([0.0, np.pi / 2, 1.0])
            )
        elapsed += TICK_S
        yield velocity


def _approach(data: mujoco.MjData, tcp: int, goal: Vector) -> Iterator[Vector]:
    elapsed = 0.0
    patience = PATIENCE_S + float(np.max(np.abs(_error(data, tcp, goal)) / SPEED_LIMIT))
    while np.any(np.abs(_error(data, tcp, goal)) > ARRIVED):
        if elapsed > patience:
            raise JammedError(
                f"reset: the TCP is {np.round(_error(data, tcp, goal), 4).tolist()} [m, rad] from "
                f"its start after {elapsed:.0f} s; something is in the way"
            )
        elapsed += TICK_S
        yield _towards(data, tcp, goal)


def _towards(data: mujoco.MjData, tcp: int, goal: Vector) -> Vector:
    return np.clip(GAIN_1_S * _error(data, tcp, goal), -SPEED_LIMIT, SPEED_LIMIT)


def _error(data: mujoco.MjData, tcp: int, goal: Vector) -> Vector:
    """Way from the TCP to the goal in the start frame, (6,) [m, rad]."""
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, data.site_xmat[tcp])
    now = Pose(data.site_xpos[tcp], np.roll(quaternion, -1)).relative_to(START)
    turn = quat_multiply(quat_from_rotvec(goal[3:]), now.inverse().quaternion)
    return np.concatenate([goal[:3] - now.position, rotvec_from_quat(turn)])
