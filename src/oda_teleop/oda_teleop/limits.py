"""Limits of a commanded TCP twist, in the order in which they apply.

Twist clamp, acceleration, workspace box, wrench. The set-point's leash (force limit over stiffness)
is the last one and lives where the set-point does: in the controller or the simulation.
A limit that does not bind returns the very same numbers, so that what a policy commanded and what
is recorded as executed agree bit by bit.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from oda_core.se3 import quat_conjugate, quat_rotate
from oda_core.settings import setting
from oda_core.types import TcpState

Twist = NDArray[np.float64]  # (6,) linear [m/s], angular [rad/s]; TCP frame
HORIZON_S = 0.1  # the workspace box looks one period ahead


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of every executed twist.

    Raises:
        ValueError: a box has its corners the wrong way round.
    """

    linear_m_s: float = setting(
        0.02, "Largest linear speed per axis [m/s]", bounds=(0.0, 0.25), mutable=True
    )
    angular_rad_s: float = setting(
        0.2, "Largest angular speed per axis [rad/s]", bounds=(0.0, 1.0), mutable=True
    )
    linear_m_s2: float = setting(
        0.5, "Largest linear acceleration per axis [m/s^2]", bounds=(0.01, 10.0), mutable=True
    )
    angular_rad_s2: float = setting(
        5.0, "Largest angular acceleration per axis [rad/s^2]", bounds=(0.1, 100.0), mutable=True
    )
    box_low_m: tuple[float, ...] = setting(
        (0.35, -0.35, 0.0), "Least x, y, z of the TCP in the base frame [m]", bounds=(-1.0, 1.5)
    )
    box_high_m: tuple[float, ...] = setting(
        (0.75, 0.35, 0.6), "Greatest x, y, z of the TCP in the base frame [m]", bounds=(-1.0, 1.5)
    )
    force_n: float = setting(
        120.0, "Force above which only unloading motion passes [N]", bounds=(1.0, 500.0),
        mutable=True,
    )  # fmt: skip
    torque_nm: float = setting(
        15.0, "Torque above which only unloading motion passes [Nm]", bounds=(0.1, 100.0),
        mutable=True,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("box_low_m", "box_high_m"):
            if len(getattr(self, name)) != 3:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected x, y, z")
        if not all(low < high for low, high in zip(self.box_low_m, self.box_high_m, strict=True)):
            raise ValueError(
                f"box_low_m {self.box_low_m} must lie below box_high_m {self.box_high_m}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the settings."""
        return tuple(field.name for field in fields(self))


def clamp(twist: Twist, limits: Limits) -> Twist:
    """Largest speed per axis."""
    bound = _six(limits.linear_m_s, limits.angular_rad_s)
    return np.clip(twist, -bound, bound)


def accelerate(twist: Twist, previous: Twist, duration_s: float, limits: Limits) -> Twist:
    """The twist nearest to the commanded one that is reached from the previous one in time."""
    step = _six(limits.linear_m_s2, limits.angular_rad_s2) * max(duration_s, 0.0)
    change = twist - previous
    return np.where(np.abs(change) <= step, twist, previous + np.sign(change) * step)


def keep_inside(twist: Twist, state: TcpState, limits: Limits) -> Twist:
    """No speed that leaves the workspace box within the horizon; outside, only back inside."""
    rotation = state.pose.quaternion
    linear = quat_rotate(rotation, twist[:3])  # base frame
    low = np.minimum((np.array(limits.box_low_m) - state.pose.position) / HORIZON_S, 0.0)
    high = np.maximum((np.array(limits.box_high_m) - state.pose.position) / HORIZON_S, 0.0)
    allowed = np.clip(linear, low, high)
    if np.array_equal(allowed, linear):
        return twist
    return np.concatenate([quat_rotate(quat_conjugate(rotation), allowed), twist[3:]])


def limited(
    wanted: Twist, previous: Twist, duration_s: float, limits: Limits, state: TcpState | None
) -> tuple[Twist, list[str]]:
    """Speed, acceleration and box in this order.

    Args:
        wanted: commanded twist (6,).
        previous: executed twist (6,), duration_s before.
        duration_s: time that the change may take [s].
        limits: to keep.
        state: measured state that the box judges; None where there is none.

    Returns:
        What may be executed, (6,), and the names of the limits that changed it.
    """
    clamped = clamp(wanted, limits)
    reached = accelerate(clamped, previous, duration_s, limits)
    inside = reached if state is None else keep_inside(reached, state, limits)
    steps = {
        "speed": (wanted, clamped),
        "acceleration": (clamped, reached),
        "workspace box": (reached, inside),
    }
    names = [name for name, pair in steps.items() if not np.array_equal(*pair)]
    return inside, names


def load(state: TcpState, limits: Limits) -> str:
    """The measured wrench beside its limits, in words."""
    force, torque = np.linalg.norm(state.wrench[:3]), np.linalg.norm(state.wrench[3:])
    return (
        f"{force:.0f} N and {torque:.1f} Nm, limits {limits.force_n:.0f} N and "
        f"{limits.torque_nm:.0f} Nm"
    )


def is_overloaded(state: TcpState, limits: Limits, margin: float = 1.0) -> bool:
    """Whether the wrench exceeds margin times a limit."""
    force, torque = np.linalg.norm(state.wrench[:3]), np.linalg.norm(state.wrench[3:])
    return bool(force > margin * limits.force_n or torque > margin * limits.torque_nm)


def unload(twist: Twist, state: TcpState) -> Twist:
    """Without the parts that push against the measured force and turn against the torque."""
    parts = (
        _without_push(twist[:3], state.wrench[:3]),
        _without_push(twist[3:], state.wrench[3:]),
    )
    return np.concatenate(parts)


def _without_push(velocity: Twist, load: Twist) -> Twist:
    size = float(np.linalg.norm(load))
    if size < 1e-9:
        return velocity
    against = load / size
    return velocity - min(0.0, float(velocity @ against)) * against


def _six(linear: float, angular: float) -> Twist:
    return np.array([linear] * 3 + [angular] * 3)
