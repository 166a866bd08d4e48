"""Facts about the running graph: a node that listens for a while and says nothing."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

from oda_bringup.doctor.facts import Live, Topic
from oda_bringup.nodes import NAMESPACE
from oda_core import topics
from oda_core.messages import stamp_ns
from oda_core.ros import qos
from oda_msgs.msg import SafetyState, TcpState
from oda_teleop.arbiter import Safety

DISCOVERY_S = 2.5
KINDS = {
    topics.STATE: (TcpState, qos.STATE),
    topics.JOINT_STATES: (JointState, qos.STATE),
    topics.COMMAND: (TwistStamped, qos.COMMAND),
    topics.SAFETY: (SafetyState, qos.LATCHED),
}


class Ear:
    """What came, by topic."""

    def __init__(self, node: Node) -> None:
        """Subscribe."""
        self.messages: dict[str, list[Any]] = defaultdict(list)
        self.times: dict[str, list[float]] = defaultdict(list)  # of receipt, ROS time [s]
        self._node = node
        for name, (kind, quality) in KINDS.items():
            node.create_subscription(kind, name, self._keep(name), quality)

    def _keep(self, name: str) -> Callable[[Any], None]:
        def keep(msg: Any) -> None:
            self.messages[name].append(msg)
            self.times[name].append(time.time())

        return keep

    def topic(self, name: str) -> Topic:
        """What is known of a topic."""
        owners = (
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in self._node.get_publishers_info_by_topic(name)
        )
        times, messages = self.times[name], self.messages[name]
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        return Topic(
            publishers=tuple(sorted(owners)),
            rate_hz=(len(times) - 1) / span if span else 0.0,
            frame=messages[-1].header.frame_id if messages else "",
            age_s=times[-1] - stamp_ns(messages[-1].header.stamp) * 1e-9 if messages else None,
        )


def listen(seconds: float) -> Live:
    """Listen to the graph on this domain.

    Args:
        seconds: how long, after discovery.
    """
    with visit() as (node, turn):
        ear = Ear(node)
        turn(DISCOVERY_S)
        ear.messages[topics.STATE].clear()
        ear.times.clear()
        turn(seconds)
        return _live(node, ear, seconds)


@contextmanager
def visit() -> Iterator[tuple[Node, Callable[[float], None]]]:
    """A node that listens, and what turns it for a time [s]."""
    context = Context()
    rclpy.init(context=context, args=["--ros-args", "--enclave", f"{NAMESPACE}/doctor"])
    node = rclpy.create_node("doctor", namespace=NAMESPACE, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def turn(seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            executor.spin_once(left)

    try:
        yield node, turn
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown(context=context)


def _live(node: Node, ear: Ear, seconds: float) -> Live:
    states, safety = ear.messages[topics.STATE], ear.messages[topics.SAFETY]
    wrenches = np.array([_six(s.wrench.force, s.wrench.torque) for s in states])  # (N, 6)
    speeds = [np.linalg.norm(_six(s.twist.linear, s.twist.angular)[:3]) for s in states]
    last = safety[-1] if safety else None
    return Live(
        seconds=seconds,
        sim_time=node.count_publishers(topics.CLOCK) > 0,
        topics={name: ear.topic(name) for name in KINDS},
        tcp_frame=states[-1].tcp_frame_id if states else "",
        wrench_mean=tuple(wrenches.mean(axis=0).tolist()) if states else (),
        wrench_std=tuple(wrenches.std(axis=0).tolist()) if states else (),
        speed_m_s=float(max(speeds, default=0.0)),
        safety=f"{Safety(last.state).name}: {last.reason}" if last else "",
        aborted=last is not None and Safety(last.state) is Safety.ABORT,
    )


def _six(first: Any, second: Any) -> list[float]:
    return [first.x, first.y, first.z, second.x, second.y, second.z]
