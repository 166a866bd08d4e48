"""Teach the start: where the arm stands now is where every episode begins."""

from collections.abc import Sequence

import numpy as np
import yaml

from oda_bringup.doctor.listen import DISCOVERY_S, visit
from oda_bringup.graph import NAMESPACE
from oda_core import topics
from oda_core.errors import SessionError
from oda_core.homing import Start
from oda_core.messages import state_from_msg
from oda_core.ros import qos
from oda_core.se3 import unit_quaternion
from oda_core.types import TcpState
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_teleop.limits import Limits

STILL = np.repeat([1e-3, 0.01], 3)  # [m/s, rad/s]
DIGITS = 6
RESET = f"{NAMESPACE}/reset"


def hear_states(seconds: float) -> list[TcpState]:
    """States of the graph that runs, over a time [s] after discovery."""
    messages: list[TcpStateMsg] = []
    with visit() as (node, turn):
        node.create_subscription(TcpStateMsg, topics.STATE, messages.append, qos.STATE_LOG)
        turn(DISCOVERY_S)
        messages.clear()
        turn(seconds)
    return [state_from_msg(message) for message in messages]


def start_of(states: Sequence[TcpState]) -> Start:
    """The pose at which the arm stands still.

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
    orientation = unit_quaternion(
        np.sum([unit_quaternion(state.pose.quaternion) for state in states], axis=0)
    )
    return Start(
        position_m=tuple(position.round(DIGITS).tolist()),
        orientation=tuple(orientation.round(DIGITS).tolist()),
    )


def outside_box(start: Start) -> bool:
    """It lies where the arbiter, unless its box is changed, lets the arm not go."""
    limits = Limits()
    low, high = np.array(limits.box_low_m), np.array(limits.box_high_m)
    return not bool(np.all((start.position_m >= low) & (start.position_m <= high)))


def parameter_file(start: Start) -> str:
    """ROS parameters of the reset node, as YAML."""
    values = {"position_m": list(start.position_m), "orientation": list(start.orientation)}
    return yaml.safe_dump({RESET: {"ros__parameters": {"start": values}}}, sort_keys=False)
