"""Topics of the simulated cell, cheap enough for many times real time.

All are published serialized, without message objects in between: the layout of each is fixed,
because its names are, so that only stamp and numbers change.
"""

import struct

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from oda_core import topics
from oda_core.messages import SECOND_NS
from oda_core.ros import qos
from oda_core.types import BASE_FRAME, TCP_FRAME, TcpState
from oda_core.wire import LITTLE_ENDIAN, encode_state
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_sim.arm import JOINT_NAMES
from oda_sim.insertion import TICK_NS, InsertionSim

_CLOCK = struct.Struct("<4siI")
_STAMP = struct.Struct("<iI")
SLOW_NS = 2 * TICK_NS
DOUBLE = 8


class Template:
    """A serialized message that begins with a header and ends with rows of doubles.

    Args:
        message: filled but for stamp and doubles; its sequences have their final sizes.
        size: doubles of each row.
        rows: rows; each but the first comes after the count of a sequence, padded to a double.
    """

    def __init__(self, message: object, size: int, rows: int = 1) -> None:
        """Serialize the message once."""
        self._data = bytearray(serialize_message(message))
        self._row = struct.Struct(f"<{size}d")
        stride = self._row.size + DOUBLE
        first = len(self._data) - rows * stride + DOUBLE
        self._offsets = [first + i * stride for i in range(rows)]

    def fill(self, stamp_ns: int, *rows: np.ndarray) -> bytes:
        """The message with a stamp [ns] and its rows of numbers."""
        _STAMP.pack_into(self._data, len(LITTLE_ENDIAN), *divmod(stamp_ns, SECOND_NS))
        for offset, row in zip(self._offsets, rows, strict=True):
            self._row.pack_into(self._data, offset, *row.tolist())
        return bytes(self._data)


def joint_template() -> Template:
    """JointState; rows: position, velocity, effort, each (7,)."""
    zeros = [0.0] * len(JOINT_NAMES)
    header = Header(frame_id=BASE_FRAME)
    message = JointState(
        header=header, name=list(JOINT_NAMES), position=zeros, velocity=zeros, effort=zeros
    )
    return Template(message, len(JOINT_NAMES), rows=3)


class CellPublishers:
    """Publishes what the cell measures; the standard types at 50 Hz and only if someone listens."""

    def __init__(self, node: Node, sim: InsertionSim, clock_ns: int) -> None:
        """Create the publishers; clock_ns is the period of /clock in simulated time."""
        self._sim = sim
        self._clock_ns = clock_ns
        self._clock = node.create_publisher(Clock, topics.CLOCK, qos.profile(10))
        self._state = node.create_publisher(TcpStateMsg, topics.STATE, qos.STATE)
        self._joints = node.create_publisher(JointState, topics.JOINT_STATES, qos.profile(10))
        self._pose = node.create_publisher(PoseStamped, topics.TCP_POSE, qos.profile(10))
        self._wrench = node.create_publisher(WrenchStamped, topics.WRENCH, qos.profile(10))
        self._joint_template = joint_template()
        self._pose_template = Template(PoseStamped(header=Header(frame_id=BASE_FRAME)), 7)
        self._wrench_template = Template(WrenchStamped(header=Header(frame_id=TCP_FRAME)), 6)
        self._listened: set[Publisher] = set()
        self.state = sim.state()

    def look_for_listeners(self) -> None:
        """Find out which of the standard topics have subscribers."""
        optional = (self._joints, self._pose, self._wrench)
        self._listened = {pub for pub in optional if pub.get_subscription_count() > 0}

    def publish(self) -> None:
        """Publish the present state."""
        self.state = self._sim.state()
        if self.state.stamp_ns % self._clock_ns == 0:
            self._publish_clock()
        self._state.publish(encode_state(self.state))
        if self._listened and self.state.stamp_ns % SLOW_NS == 0:
            self._publish_standard_types(self.state)

    def repeat(self) -> None:
        """Publish clock and state once more; the clock first, so that no state is in the future."""
        self._publish_clock()
        self._state.publish(encode_state(self.state))

    def _publish_clock(self) -> None:
        stamp = divmod(self.state.stamp_ns, SECOND_NS)
        self._clock.publish(_CLOCK.pack(LITTLE_ENDIAN, *stamp))

    def _publish_standard_types(self, state: TcpState) -> None:
        at_ns = state.stamp_ns
        if self._joints in self._listened:
            _, position, velocity, effort = self._sim.joint_state()
            self._joints.publish(self._joint_template.fill(at_ns, position, velocity, effort))
        if self._pose in self._listened:
            row = np.concatenate(state.pose)
            self._pose.publish(self._pose_template.fill(at_ns, row))
        if self._wrench in self._listened:
            self._wrench.publish(self._wrench_template.fill(at_ns, state.wrench))
