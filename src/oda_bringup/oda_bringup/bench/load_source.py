"""A node that sends what a robot sends, fast: four topics at 1 kHz, the rest at their rates.

Every message of a topic has a stamp of its own, so that whoever records them can be asked for each.
It ends when its standard input does, and writes the stamps that it sent into a file. What a busy
machine kept it from sending in time is left out, as a robot would.
"""

import struct
import sys
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message

from oda_core import topics
from oda_core.messages import SECOND_NS
from oda_core.ros import qos
from oda_core.ros.types import rclpy_class
from oda_core.types import BASE_FRAME, TCP_FRAME

FAST_HZ = 1000
LATE_NS = 5_000_000


class Stream(NamedTuple):
    """One topic of the load."""

    topic: str
    typename: str
    rate_hz: int
    qos: QoSProfile
    frame: str = TCP_FRAME


STREAMS = (
    Stream(topics.STATE, "oda_msgs/msg/TcpState", FAST_HZ, qos.STATE, BASE_FRAME),
    Stream(topics.WRENCH, "geometry_msgs/msg/WrenchStamped", FAST_HZ, qos.STATE),
    Stream(topics.TCP_POSE, "geometry_msgs/msg/PoseStamped", FAST_HZ, qos.STATE, BASE_FRAME),
    Stream(topics.JOINT_STATES, "sensor_msgs/msg/JointState", FAST_HZ, qos.STATE),
    Stream(topics.COMMAND, "geometry_msgs/msg/TwistStamped", 50, qos.COMMAND),
    Stream(topics.TELEOP_TWIST, "geometry_msgs/msg/TwistStamped", 50, qos.COMMAND),
    Stream(topics.SAFETY, "oda_msgs/msg/SafetyState", 50, qos.EVENTS),
    Stream(topics.STEP, "oda_msgs/msg/Step", 10, qos.STEP),
)


class Sender:
    """Sends one stream, already serialized."""

    def __init__(self, node: Node, stream: Stream) -> None:
        self.stream = stream
        self.sent: list[int] = []  # stamps [ns]
        self._period_ns, self._due_ns = SECOND_NS // stream.rate_hz, 0
        kind = rclpy_class(stream.typename)
        self._publisher = node.create_publisher(kind, stream.topic, stream.qos)
        self._cdr = bytearray(serialize_message(_example(kind(), stream)))

    @property
    def ready(self) -> bool:
        """Somebody listens."""
        return self._publisher.get_subscription_count() > 0

    def send_until(self, now_ns: int) -> None:
        """Send every message that is due."""
        self._due_ns = max(self._due_ns, now_ns - LATE_NS)
        while self._due_ns <= now_ns:
            struct.pack_into("<iI", self._cdr, 4, *divmod(self._due_ns, SECOND_NS))
            self._publisher.publish(bytes(self._cdr))
            self.sent.append(self._due_ns)
            self._due_ns += self._period_ns

    def finish(self) -> None:
        """Wait for those who acknowledge."""
        self._publisher.wait_for_all_acked(Duration(seconds=2))


def _example(message: Any, stream: Stream) -> Any:
    message.header.frame_id = stream.frame
    if hasattr(message, "tcp_frame_id"):
        message.tcp_frame_id = TCP_FRAME
    if hasattr(message, "name"):
        message.name = [f"lbr_A{i}" for i in range(1, 8)]
        message.position = message.velocity = message.effort = [0.0] * 7
    return message


def main() -> None:
    """Send until standard input ends."""
    rclpy.init()
    node = rclpy.create_node("load_source")
    senders = [Sender(node, stream) for stream in STREAMS]
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.is_set() and not all(sender.ready for sender in senders):
        time.sleep(0.01)
    time.sleep(0.2)  # the readers settle
    sys.stdout.write("sending\n")
    sys.stdout.flush()
    while not over.is_set():
        now_ns = time.time_ns()
        for sender in senders:
            sender.send_until(now_ns)
        time.sleep(max(0.0, 1e-3 - 1e-9 * (time.time_ns() - now_ns)))
    for sender in senders:
        sender.finish()
    np.savez(sys.argv[1], **{s.stream.topic.replace("/", "-"): s.sent for s in senders})
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
