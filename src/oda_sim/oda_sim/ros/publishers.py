"""Topics of the simulated cell, cheap enough for many times real time.

State and clock are written into serialized messages: the layout of each is fixed, because the frame
names are, so that only numbers change.
"""

import struct

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from oda_core import topics
from oda_core.messages import SECOND_NS, header, pose_to_msg, wrench_to_msg
from oda_core.ros import qos
from oda_core.ros.types import rclpy_class
from oda_core.types import BASE_FRAME, TCP_FRAME, TcpState
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_sim.insertion import TICK_NS, InsertionSim

CDR_LITTLE_ENDIAN = b"\x00\x01\x00\x00"
_CLOCK = struct.Struct("<4siI")
_STATE = struct.Struct("<4siII9s3xI8s4x19d?")  # doubles are aligned to 8 after the first 4 bytes
_FRAMES = (len(BASE_FRAME) + 1, BASE_FRAME.encode(), len(TCP_FRAME) + 1, TCP_FRAME.encode())
SLOW_NS = 2 * TICK_NS


def serialize_state(state: TcpState) -> bytes:
    """An oda_msgs/TcpState in CDR, as rclpy would write it."""
    base_size, base, tcp_size, tcp = _FRAMES
    numbers = np.concatenate([*state.pose, state.twist, state.wrench]).tolist()
    return _STATE.pack(
        CDR_LITTLE_ENDIAN, *divmod(state.stamp_ns, SECOND_NS), base_size, base, tcp_size, tcp,
        *numbers, state.inserted,
    )  # fmt: skip


class CellPublishers:
    """Publishes what the cell measures; the standard types at 50 Hz and only if someone listens."""

    def __init__(self, node: Node, sim: InsertionSim) -> None:
        """Create the publishers."""
        self._sim = sim
        self._clock = node.create_publisher(Clock, topics.CLOCK, qos.profile(10))
        self._state = node.create_publisher(TcpStateMsg, topics.STATE, qos.STATE)
        self._joints = node.create_publisher(JointState, topics.JOINT_STATES, qos.profile(10))
        self._pose = node.create_publisher(PoseStamped, topics.TCP_POSE, qos.profile(10))
        self._wrench = node.create_publisher(WrenchStamped, topics.WRENCH, qos.profile(10))
        self._listened: set[object] = set()
        self.state = sim.state()

    def look_for_listeners(self) -> None:
        """Find out which of the standard topics have subscribers."""
        optional = (self._joints, self._pose, self._wrench)
        self._listened = {pub for pub in optional if pub.get_subscription_count() > 0}

    def publish(self) -> None:
        """Publish the present state."""
        self.state = self._sim.state()
        self.repeat()
        if self._listened and self.state.stamp_ns % SLOW_NS == 0:
            self._publish_standard_types(self.state)

    def repeat(self) -> None:
        """Publish clock and state once more; the clock first, so that no state is in the future."""
        stamp = divmod(self.state.stamp_ns, SECOND_NS)
        self._clock.publish(_CLOCK.pack(CDR_LITTLE_ENDIAN, *stamp))
        self._state.publish(serialize_state(self.state))

    def _publish_standard_types(self, state: TcpState) -> None:
        in_base = header(state.stamp_ns, BASE_FRAME, rclpy_class)
        if self._joints in self._listened:
            joints = self._sim.joint_state()
            self._joints.publish(
                JointState(
                    header=in_base,
                    name=list(joints.names),
                    position=joints.position.tolist(),
                    velocity=joints.velocity.tolist(),
                    effort=joints.effort.tolist(),
                )
            )
        if self._pose in self._listened:
            pose = pose_to_msg(state.pose, rclpy_class)
            self._pose.publish(PoseStamped(header=in_base, pose=pose))
        if self._wrench in self._listened:
            in_tcp = header(state.stamp_ns, TCP_FRAME, rclpy_class)
            wrench = wrench_to_msg(state.wrench, rclpy_class)
            self._wrench.publish(WrenchStamped(header=in_tcp, wrench=wrench))
