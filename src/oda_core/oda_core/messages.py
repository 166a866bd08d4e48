"""Conversion between messages and oda_core types.

The message classes come from a lookup by type name, so that the same functions serve rclpy's
classes on live topics and rosbags' classes on disk.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from oda_core.errors import ContractError
from oda_core.se3 import Pose
from oda_core.types import (
    BASE_FRAME,
    TCP_FRAME,
    EpisodeEvent,
    Event,
    Purpose,
    Source,
    StepData,
    TcpState,
)

Lookup = Callable[[str], Callable[..., Any]]
"""Message class of a type name such as "oda_msgs/msg/Step"; called with all fields by keyword."""

STATE_TYPE = "oda_msgs/msg/TcpState"
STEP_TYPE = "oda_msgs/msg/Step"
EPISODE_TYPE = "oda_msgs/msg/Episode"
TWIST_TYPE = "geometry_msgs/msg/TwistStamped"
SECOND_NS = 1_000_000_000


def stamp_ns(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return int(stamp.sec) * SECOND_NS + int(stamp.nanosec)


def header(ns: int, frame: str, types: Lookup) -> Any:
    """std_msgs/Header of a stamp [ns] and a frame."""
    sec, nanosec = divmod(int(ns), SECOND_NS)
    stamp = types("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec)
    return types("std_msgs/msg/Header")(stamp=stamp, frame_id=frame)


def vector(values: Any, types: Lookup) -> Any:
    """geometry_msgs/Vector3 of (3,)."""
    x, y, z = (float(value) for value in values)
    return types("geometry_msgs/msg/Vector3")(x=x, y=y, z=z)


def pose_to_msg(pose: Pose, types: Lookup) -> Any:
    """geometry_msgs/Pose."""
    x, y, z = (float(value) for value in pose.position)
    qx, qy, qz, qw = (float(value) for value in pose.quaternion)
    return types("geometry_msgs/msg/Pose")(
        position=types("geometry_msgs/msg/Point")(x=x, y=y, z=z),
        orientation=types("geometry_msgs/msg/Quaternion")(x=qx, y=qy, z=qz, w=qw),
    )


def pose_from_msg(msg: Any) -> Pose:
    """Pose of a geometry_msgs/Pose."""
    p, q = msg.position, msg.orientation
    return Pose(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))


def twist_to_msg(twist: Any, types: Lookup) -> Any:
    """geometry_msgs/Twist of (6,) linear, angular."""
    return types("geometry_msgs/msg/Twist")(
        linear=vector(twist[:3], types), angular=vector(twist[3:], types)
    )


def twist_from_msg(msg: Any) -> np.ndarray:
    """(6,) linear, angular of a geometry_msgs/Twist."""
    v, w = msg.linear, msg.angular
    return np.array([v.x, v.y, v.z, w.x, w.y, w.z])


def wrench_to_msg(wrench: Any, types: Lookup) -> Any:
    """geometry_msgs/Wrench of (6,) force, torque."""
    return types("geometry_msgs/msg/Wrench")(
        force=vector(wrench[:3], types), torque=vector(wrench[3:], types)
    )


def twist_stamped(ns: int, twist: Any, types: Lookup) -> Any:
    """geometry_msgs/TwistStamped in the TCP frame; the stamp is that of the state acted on."""
    return types(TWIST_TYPE)(header=header(ns, TCP_FRAME, types), twist=twist_to_msg(twist, types))


def state_to_msg(state: TcpState, types: Lookup) -> Any:
    """oda_msgs/TcpState."""
    return types(STATE_TYPE)(
        header=header(state.stamp_ns, BASE_FRAME, types),
        tcp_frame_id=TCP_FRAME,
        pose=pose_to_msg(state.pose, types),
        twist=twist_to_msg(state.twist, types),
        wrench=wrench_to_msg(state.wrench, types),
        inserted=bool(state.inserted),
    )


def state_from_msg(msg: Any) -> TcpState:
    """TcpState of an oda_msgs/TcpState.

    Raises:
        ContractError: a frame is not the expected one or a value is not finite.
    """
    expect_frame("state", msg.header.frame_id, BASE_FRAME)
    expect_frame("state's twist and wrench", msg.tcp_frame_id, TCP_FRAME)
    force, torque = msg.wrench.force, msg.wrench.torque
    return TcpState(
        stamp_ns=stamp_ns(msg.header.stamp),
        pose=pose_from_msg(msg.pose),
        twist=twist_from_msg(msg.twist),
        wrench=np.array([force.x, force.y, force.z, torque.x, torque.y, torque.z]),
        inserted=bool(msg.inserted),
    )


def step_to_msg(step: StepData, types: Lookup) -> Any:
    """oda_msgs/Step."""
    return types(STEP_TYPE)(
        header=header(step.stamp_ns, TCP_FRAME, types),
        session=step.session,
        episode_id=step.episode_id,
        index=step.index,
        observation=np.asarray(step.observation, np.float32),
        action=np.asarray(step.action, np.float32),
        source=int(step.source),
        reward=float(step.reward),
        terminated=bool(step.terminated),
        truncated=bool(step.truncated),
        next_observation=np.asarray(step.next_observation, np.float32),
        policy_version=step.policy_version,
    )


def step_from_msg(msg: Any) -> StepData:
    """StepData of an oda_msgs/Step."""
    expect_frame("step", msg.header.frame_id, TCP_FRAME)
    return StepData(
        stamp_ns=stamp_ns(msg.header.stamp),
        session=str(msg.session),
        episode_id=int(msg.episode_id),
        index=int(msg.index),
        observation=np.array(msg.observation, np.float32),
        action=np.array(msg.action, np.float32),
        source=Source(int(msg.source)),
        reward=float(msg.reward),
        terminated=bool(msg.terminated),
        truncated=bool(msg.truncated),
        next_observation=np.array(msg.next_observation, np.float32),
        policy_version=int(msg.policy_version),
    )


def event_to_msg(event: EpisodeEvent, types: Lookup) -> Any:
    """oda_msgs/Episode."""
    return types(EPISODE_TYPE)(
        header=header(event.stamp_ns, BASE_FRAME, types),
        session=event.session,
        episode_id=event.episode_id,
        connector=event.connector,
        purpose=int(event.purpose),
        event=int(event.event),
        reason=event.reason,
        seed=event.seed,
        start_pose=pose_to_msg(event.start_pose, types),
        max_steps=event.max_steps,
        policy_version=event.policy_version,
        deterministic=event.deterministic,
        steps=event.steps,
        peak_force_n=float(event.peak_force_n),
    )


def event_from_msg(msg: Any) -> EpisodeEvent:
    """EpisodeEvent of an oda_msgs/Episode."""
    expect_frame("episode's start pose", msg.header.frame_id, BASE_FRAME)
    return EpisodeEvent(
        stamp_ns=stamp_ns(msg.header.stamp),
        session=str(msg.session),
        episode_id=int(msg.episode_id),
        connector=str(msg.connector),
        purpose=Purpose(int(msg.purpose)),
        event=Event(int(msg.event)),
        reason=str(msg.reason),
        seed=int(msg.seed),
        start_pose=pose_from_msg(msg.start_pose),
        max_steps=int(msg.max_steps),
        policy_version=int(msg.policy_version),
        deterministic=bool(msg.deterministic),
        steps=int(msg.steps),
        peak_force_n=float(msg.peak_force_n),
    )


def expect_frame(what: str, found: str, expected: str) -> None:
    """Refuse data in another frame.

    Raises:
        ContractError: the frame is empty or another one.
    """
    if found != expected:
        raise ContractError(
            f"{what}: found frame {found!r}, expected {expected!r}; set frame_id, and transform "
            "the data where it is really in another frame"
        )
