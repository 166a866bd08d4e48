"""What a broken sender, wire or sensor makes of a stream of messages; each on serialized messages.

A tamper takes one serialized message and gives those that are passed on instead. No ROS graph here.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.serialization import deserialize_message, serialize_message

from oda_core.messages import header, stamp_ns, twist_from_msg, twist_to_msg
from oda_core.ros.types import rclpy_class
from oda_core.types import TcpState
from oda_core.wire import decode_state, encode_state
from oda_msgs.msg import Weights

Tamper = Callable[[bytes], list[bytes]]
OLD_NS = 1_000_000_000
SPIKE_N, SPIKE_STATES = 400.0, 5
FAST = 20.0
RISE = np.array([0.0, 0.0, -0.02, 0.0, 0.0, 0.0])  # up, away from the socket


def pass_on(message: bytes) -> list[bytes]:
    """Nothing is wrong."""
    return [message]


def drop(_: bytes) -> list[bytes]:
    """Nothing arrives."""
    return []


def duplicate(message: bytes) -> list[bytes]:
    """Everything arrives three times."""
    return [message] * 3


def swapped() -> Tamper:
    """Of each two messages the later one arrives first."""
    waiting: list[bytes] = []

    def tamper(message: bytes) -> list[bytes]:
        waiting.insert(0, message)
        if len(waiting) < 2:
            return []
        both = waiting[:]
        waiting.clear()
        return both

    return tamper


def aged(message: bytes) -> list[bytes]:
    """Twists are a second old."""
    twist = deserialize_message(message, TwistStamped)
    old_ns = stamp_ns(twist.header.stamp) - OLD_NS
    twist.header = header(old_ns, twist.header.frame_id, rclpy_class)
    return [serialize_message(twist)]


def not_a_number(message: bytes) -> list[bytes]:
    """One value of a twist is NaN."""
    twist = deserialize_message(message, TwistStamped)
    twist.twist.linear.z = float("nan")
    return [serialize_message(twist)]


def in_base_frame(message: bytes) -> list[bytes]:
    """Twists come in the base frame."""
    twist = deserialize_message(message, TwistStamped)
    twist.header.frame_id = "oda_base"
    return [serialize_message(twist)]


def too_fast(message: bytes) -> list[bytes]:
    """Twists are twenty times as fast."""
    twist = deserialize_message(message, TwistStamped)
    twist.twist = twist_to_msg(FAST * twist_from_msg(twist.twist), rclpy_class)
    return [serialize_message(twist)]


def rising(message: bytes) -> list[bytes]:
    """Twists go up at full speed."""
    twist = deserialize_message(message, TwistStamped)
    twist.twist = twist_to_msg(RISE, rclpy_class)
    return [serialize_message(twist)]


def spike() -> Tamper:
    """The wrench sensor shows 400 N for five states."""
    left = SPIKE_STATES

    def tamper(message: bytes) -> list[bytes]:
        nonlocal left
        if left <= 0:
            return [message]
        left -= 1
        return [_with_wrench(message, np.array([0.0, 0.0, -SPIKE_N, 0.0, 0.0, 0.0]))]

    return tamper


def stuck() -> Tamper:
    """The wrench sensor shows the first value for ever."""
    first: list[np.ndarray] = []

    def tamper(message: bytes) -> list[bytes]:
        if not first:
            first.append(decode_state(message).wrench)
        return [_with_wrench(message, first[0])]

    return tamper


def damaged_weights(message: bytes) -> list[bytes]:
    """One byte of the weights has flipped on the way."""
    weights = deserialize_message(message, Weights)
    weights.data[len(weights.data) // 2] ^= 0xFF
    return [serialize_message(weights)]


def _with_wrench(message: bytes, wrench: np.ndarray) -> bytes:
    state: TcpState = decode_state(message)
    return encode_state(dataclasses.replace(state, wrench=wrench))
