"""The way back to the start of an episode: pull out, return, settle.

Everything is in the start frame, that of the TCP at the nominal start: z points into the socket.
The simulation and the robot go the same way, each with its own motion settings. Both begin with the
set-point on the measured pose: what the plug was pressed askew with would hold it by friction.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import JammedError
from oda_core.se3 import Pose, quat_from_rotvec, quat_multiply, rotvec_from_quat
from oda_core.settings import setting

Vector = NDArray[np.float64]
WIGGLE_RAD_S = 0.1
WIGGLE_HZ = 1.5


@dataclass(frozen=True, kw_only=True)
class TaughtPose:
    """The TCP in the base frame, its z axis into the socket, as somebody taught it.

    Raises:
        ValueError: a wrong count of numbers, or a quaternion without unit norm.
    """

    position_m: tuple[float, ...] = setting(
        (), "TCP in the base frame, x, y, z [m]; empty: not taught", bounds=(-1.0, 1.5)
    )
    orientation: tuple[float, ...] = setting(
        (0.0, 1.0, 0.0, 0.0), "Its orientation in the base frame, quaternion x, y, z, w",
        bounds=(-1.0, 1.0),
    )  # fmt: skip

    def __post_init__(self) -> None:
        if len(self.position_m) not in (0, 3):
            raise ValueError(f"position_m: found {self.position_m}, expected 3 numbers")
        if len(self.orientation) != 4 or abs(math.hypot(*self.orientation) - 1.0) > 1e-3:
            raise ValueError(f"orientation: found {self.orientation}, expected a unit quaternion")

    @property
    def is_taught(self) -> bool:
        """There is a position."""
        return bool(self.position_m)

    @property
    def pose(self) -> Pose:
        """TCP in the base frame.

        Raises:
            ValueError: nobody taught it.
        """
        if not self.is_taught:
            raise ValueError("position_m: not taught; run oda teach")
        orientation = np.array(self.orientation)
        return Pose(np.array(self.position_m), orientation / np.linalg.norm(orientation))


@dataclass(frozen=True, kw_only=True)
class Start(TaughtPose):
    """Nominal start of every episode."""

    position_m: tuple[float, ...] = setting(
        (0.55, 0.0, 0.15), "TCP in the base frame at the nominal start, x, y, z [m]",
        bounds=(-1.0, 1.5),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.is_taught:
            raise ValueError("position_m: found none, expected 3 numbers")


START = Start().pose
"""That of the simulated cell, and of a robot that was taught no other."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How fast and how exactly the arm returns."""

    period_s: float = setting(0.02, "Time between two commands [s]", bounds=(0.005, 0.1))
    gain_1_s: float = setting(4.0, "Speed per distance to go [1/s]", bounds=(0.5, 20.0))
    linear_m_s: float = setting(0.02, "Largest linear speed per axis [m/s]", bounds=(0.001, 0.25))
    angular_rad_s: float = setting(
        0.2, "Largest angular speed per axis [rad/s]", bounds=(0.01, 1.0)
    )
    near_m: float = setting(
        1e-4, "Distance per axis that counts as arrived [m]", bounds=(1e-5, 0.01)
    )
    near_rad: float = setting(
        1e-3, "Rotation per axis that counts as arrived [rad]", bounds=(1e-4, 0.1)
    )
    patience_s: float = setting(
        4.0, "Time beyond that of the way before something counts as jammed [s]", bounds=(0.5, 60.0)
    )
    settle_s: float = setting(0.2, "Time at rest before the wrench is tared [s]", bounds=(0.0, 5.0))

    @property
    def speed(self) -> Vector:
        """Largest speed per axis, (6,) [m/s, rad/s]."""
        return np.repeat([self.linear_m_s, self.angular_rad_s], 3)

    @property
    def near(self) -> Vector:
        """Errors per axis that count as arrived, (6,) [m, rad]."""
        return np.repeat([self.near_m, self.near_rad], 3)


def draw_start_noise(seed: int, half_width_m: float = 1e-3) -> Vector:
    """Start offset of an episode, uniform per axis of the start frame, (3,) [m].

    Source: paper §5, uniform noise of ±1 mm on the starting pose.
    """
    return np.random.default_rng([seed, 0x53]).uniform(-half_width_m, half_width_m, 3)


def return_to_start(
    sense: Callable[[], Pose], motion: Motion, free_m: float, noise_m: Vector
) -> Iterator[tuple[str, Vector]]:
    """Phase and TCP velocity (6,) in the start frame [m/s, rad/s], one per period.

    Args:
        sense: pose of the TCP as measured now; the caller moves the arm after each item.
        motion: how to move.
        free_m: the plug is out of the socket where its z is below this.
        noise_m: (3,) offset of the goal.

    Raises:
        JammedError: the plug is still in the socket after pulling and wiggling, or the arm does not
            reach its goal.
    """
    for velocity in _retract(sense, motion, free_m):
        yield "retract", velocity
    goal = np.concatenate([noise_m, np.zeros(3)])
    for velocity in _approach(sense, motion, goal):
        yield "return", velocity
    for _ in range(round(motion.settle_s / motion.period_s)):
        yield "settle", towards(sense(), goal, motion)


def towards(pose: Pose, goal: Vector, motion: Motion) -> Vector:
    """Velocity (6,) from a pose to a goal (6,) (position, rotation vector), within the speeds."""
    return np.clip(motion.gain_1_s * way(pose, goal), -motion.speed, motion.speed)


def way(pose: Pose, goal: Vector) -> Vector:
    """From a pose to a goal (position, rotation vector), all in the start frame, (6,) [m, rad]."""
    turn = quat_multiply(quat_from_rotvec(goal[3:]), pose.inverse().quaternion)
    return np.concatenate([goal[:3] - pose.position, rotvec_from_quat(turn)])


def _retract(sense: Callable[[], Pose], motion: Motion, free_m: float) -> Iterator[Vector]:
    elapsed = 0.0
    while (depth_m := float(sense().position[2]) - free_m) > 0:
        if elapsed > 2 * motion.patience_s:
            raise JammedError(
                f"reset: the plug is jammed {1e3 * depth_m:.1f} mm deep after {elapsed:.0f} s of "
                "pulling; free it, or raise its limits.axial_n"
            )
        velocity = np.array([0.0, 0.0, -motion.linear_m_s, 0.0, 0.0, 0.0])
        if elapsed > motion.patience_s:
            velocity[3:] = WIGGLE_RAD_S * np.sin(
                2 * np.pi * WIGGLE_HZ * elapsed + np.array([0.0, np.pi / 2, 1.0])
            )
        elapsed += motion.period_s
        yield velocity


def _approach(sense: Callable[[], Pose], motion: Motion, goal: Vector) -> Iterator[Vector]:
    elapsed = 0.0
    patience = motion.patience_s + float(np.max(np.abs(way(sense(), goal)) / motion.speed))
    while np.any(np.abs(left := way(sense(), goal)) > motion.near):
        if elapsed > patience:
            raise JammedError(
                f"reset: the TCP is {np.round(left, 4).tolist()} [m, rad] from its start after "
                f"{elapsed:.0f} s; something is in the way"
            )
        elapsed += motion.period_s
        yield towards(sense(), goal, motion)
