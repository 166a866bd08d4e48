"""Teach the start of the episodes, or the inserted plug: where the arm stands now."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from oda_bringup.doctor.listen import DISCOVERY_S, visit
from oda_bringup.nodes import NAMESPACE
from oda_bringup.session import read_parameters
from oda_core import topics
from oda_core.errors import SessionError
from oda_core.messages import state_from_msg
from oda_core.ros import qos
from oda_core.se3 import Pose, unit_quaternion
from oda_core.types import TcpState
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_teleop.limits import Limits

Taught = Literal["start", "goal"]
NODES: dict[Taught, str] = {"start": f"{NAMESPACE}/reset", "goal": f"{NAMESPACE}/detector"}
STILL = np.repeat([1e-3, 0.01], 3)  # [m/s, rad/s]
DIGITS = 6


def hear_states(seconds: float) -> list[TcpState]:
    """States of the graph that runs, over a time [s] after discovery."""
    messages: list[TcpStateMsg] = []
    with visit() as (node, turn):
        node.create_subscription(TcpStateMsg, topics.STATE, messages.append, qos.STATE_LOG)
        turn(DISCOVERY_S)
        messages.clear()
        turn(seconds)
    return [state_from_msg(message) for message in messages]


def resting_pose(states: Sequence[TcpState]) -> Pose:
    """The TCP of an arm that stands still.

    Raises:
        SessionError: there is no state, or the arm moves.
    """
    if not states:
        raise SessionError(
            f"{topics.STATE}: silent; start the robot first, such as oda sim --robot hardware"
        )
    fastest = np.max([np.abs(state.twist) for state in states], axis=0)
    if np.any(fastest > STILL):
        raise SessionError(
            f"the arm moves, up to {1e3 * fastest[:3].max():.1f} mm/s and "
            f"{fastest[3:].max():.3f} rad/s; hold it still and teach again"
        )
    position = np.mean([state.pose.position for state in states], axis=0)
    turns = [unit_quaternion(state.pose.quaternion) for state in states]
    signs = [1.0 if turn @ turns[0] >= 0 else -1.0 for turn in turns]
    return Pose(position, unit_quaternion(np.transpose(turns) @ signs))


def is_outside_box(pose: Pose) -> bool:
    """It lies where the arbiter, unless its box is changed, lets the arm not go."""
    limits = Limits()
    low, high = np.array(limits.box_low_m), np.array(limits.box_high_m)
    return not bool(np.all((pose.position >= low) & (pose.position <= high)))


def teach(path: Path, taught: Taught, pose: Pose) -> str:
    """Text of a ROS parameter file with this pose; what else the file says stays.

    Raises:
        ConfigError: the file is there and is no ROS parameter file.
    """
    known = path.exists()
    content: dict[str, Any] = yaml.safe_load(read_parameters(str(path))) if known else {}
    parameters = content.setdefault(NODES[taught], {}).setdefault("ros__parameters", {})
    parameters.setdefault(taught, {}).update(
        position_m=pose.position.round(DIGITS).tolist(),
        orientation=pose.quaternion.round(DIGITS).tolist(),
    )
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
