"""Topics of the simulated cell, cheap enough for many times real time.

State and clock are published serialized, without message objects in between.
"""

import struct

from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from oda_core import topics
from oda_core.messages import SECOND_NS, header, pose_to_msg, wrench_to_msg
from oda_core.ros import qos
from oda_core.ros.types import rclpy_class
from oda_core.types import BASE_FRAME, TCP_FRAME, TcpState
from oda_core.wire import LITTLE_ENDIAN, encode_state
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_sim.insertion import TICK_NS, InsertionSim

_CLOCK = struct.Struct("<4siI")
SLOW_NS = 2 * TICK_NS


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
        self._listened: set[object] = set()
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
