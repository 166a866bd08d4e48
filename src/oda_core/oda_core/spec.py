"""The decision process of insertion: observation, action and time limit (docs/interface.md)."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import ContractError
from oda_core.se3 import Pose, quat_rotate, rotvec_from_quat
from oda_core.types import ACTION_SIZE, OBSERVATION_SIZE, TcpState

__all__ = ["ACTION_SIZE", "OBSERVATION_SIZE", "TaskSpec", "observe", "to_action", "to_twist"]


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """Fixed scaling of observations and actions; recorded in buffers and checkpoints."""

    robot: str = "iiwa7"
    position_scale_m: float = 0.01
    rotation_scale_rad: float = 0.1
    linear_velocity_scale_m_s: float = 0.02
    angular_velocity_scale_rad_s: float = 0.2
    force_scale_n: float = 20.0
    torque_scale_nm: float = 0.3
    linear_limit_m_s: float = 0.02
    angular_limit_rad_s: float = 0.2
    period_s: float = 0.1
    max_steps: int = 80

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, str) and not value > 0:
                raise ValueError(f"{item.name}: found {value}, expected a positive number")

    @property
    def period_ns(self) -> int:
        """Control period [ns]."""
        return round(self.period_s * 1e9)

    @property
    def observation_scale(self) -> NDArray[np.float64]:
        """Divisor of the raw observation, (18,)."""
        scales = (
            self.position_scale_m,
            self.rotation_scale_rad,
            self.linear_velocity_scale_m_s,
            self.angular_velocity_scale_rad_s,
            self.force_scale_n,
            self.torque_scale_nm,
        )
        return np.repeat(np.array(scales), 3)

    @property
    def action_scale(self) -> NDArray[np.float64]:
        """Twist of a full action, (6,) [m/s, rad/s]."""
        return np.repeat(np.array([self.linear_limit_m_s, self.angular_limit_rad_s]), 3)


def observe(state: TcpState, start: Pose, spec: TaskSpec) -> NDArray[np.float32]:
    """Scaled observation in the frame of the episode's start TCP.

    Args:
        state: measured state.
        start: TCP in the base frame at the start of the episode.
        spec: scaling.

    Returns:
        (18,): position 3, rotation vector 3, twist 6, wrench 6.

    Source: paper §5, relative coordinates with the origin at the TCP.
    """
    relative = state.pose.relative_to(start)
    rotate = relative.quaternion
    raw = np.concatenate(
        [
            relative.position,
            rotvec_from_quat(rotate),
            quat_rotate(rotate, state.twist[:3]),
            quat_rotate(rotate, state.twist[3:]),
            quat_rotate(rotate, state.wrench[:3]),
            quat_rotate(rotate, state.wrench[3:]),
        ]
    )
    return (raw / spec.observation_scale).astype(np.float32)


def to_twist(action: NDArray[np.floating], spec: TaskSpec) -> NDArray[np.float64]:
    """Commanded TCP twist (6,) [m/s, rad/s] in the TCP frame of an action in [-1, 1].

    Raises:
        ContractError: the action is not finite or has another size.
    """
    values = np.asarray(action, np.float64)
    if values.shape != (ACTION_SIZE,) or not np.all(np.isfinite(values)):
        raise ContractError(f"action: found {values.tolist()}, expected 6 finite numbers")
    return np.clip(values, -1.0, 1.0) * spec.action_scale


def to_action(twist: NDArray[np.float64], spec: TaskSpec) -> NDArray[np.float32]:
    """Action (6,) of an executed TCP twist; inverse of to_twist within the limits, bit by bit."""
    return (np.asarray(twist, np.float64) / spec.action_scale).astype(np.float32)
