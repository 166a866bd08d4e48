"""Records the topics of the robot contract into a bag (MCAP)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from oda_core import topics
from oda_core.ros import qos
from oda_core.ros.diagnostics import OK, Diagnostics
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.settings import setting
from oda_core.wire import raw_stamp_ns
from oda_teleop.recorder import Recorder

FLUSH_S = 1.0


class Recorded(NamedTuple):
    """One topic; every type begins with a header."""

    topic: str
    typename: str
    qos: QoSProfile


TOPICS = (
    Recorded(topics.EPISODE, "oda_msgs/msg/Episode", qos.EVENTS),
    Recorded(topics.SAFETY, "oda_msgs/msg/SafetyState", qos.EVENTS),
    Recorded(topics.STEP, "oda_msgs/msg/Step", qos.STEP),
    Recorded(topics.COMMAND, "geometry_msgs/msg/TwistStamped", qos.COMMAND_LOG),
    Recorded(topics.POLICY_TWIST, "geometry_msgs/msg/TwistStamped", qos.COMMAND_LOG),
    Recorded(topics.TELEOP_TWIST, "geometry_msgs/msg/TwistStamped", qos.COMMAND_LOG),
    Recorded(topics.STATE, "oda_msgs/msg/TcpState", qos.STATE_LOG),
    Recorded(topics.JOINT_STATES, "sensor_msgs/msg/JointState", qos.STATE_LOG),
    Recorded(topics.TCP_POSE, "geometry_msgs/msg/PoseStamped", qos.STATE_LOG),
    Recorded(topics.WRENCH, "geometry_msgs/msg/WrenchStamped", qos.STATE_LOG),
)


@dataclass(frozen=True, kw_only=True)
class RecorderParameters:
    """Parameters of the node."""

    output: str = setting("bag", "Bag directory; if it exists, a number is appended")
    topics: tuple[str, ...] = setting(
        tuple(row.topic for row in TOPICS if row.topic != topics.TCP_POSE),
        "Topics to record, of those of the robot contract; the TCP pose is in the state already",
    )

    def __post_init__(self) -> None:
        known = [row.topic for row in TOPICS]
        if unknown := sorted(set(self.topics) - set(known)):
            raise ValueError(f"topics: found {', '.join(unknown)}, expected some of {known}")


class RecorderNode(Node):
    """Writes what it hears, serialized as it came."""

    def __init__(self) -> None:
        """Create the bag, then subscribe."""
        super().__init__("recorder")
        settings = declare(self, RecorderParameters)
        self._recorder = Recorder(settings.output)
        self.get_logger().info(f"recording into {self._recorder.path}")
        self._diagnostics = Diagnostics(self)
        self._rows = [row for row in TOPICS if row.topic in settings.topics]
        self._inputs = [
            self.create_subscription(
                rclpy_class(row.typename), row.topic, self._writer(row), row.qos, raw=True
            )
            for row in self._rows
        ]
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(FLUSH_S, self._flush, clock=steady)

    def _writer(self, row: Recorded) -> Callable[[bytes], None]:
        def write(cdr: bytes) -> None:
            self._recorder.write(row.topic, row.typename, cdr, raw_stamp_ns(cdr))
            if row.topic == topics.EPISODE:
                self._recorder.sync()

        return write

    def _flush(self) -> None:
        self._recorder.flush()
        self._diagnostics.publish(
            OK, "recording", bag=self._recorder.path, messages=self._recorder.messages
        )

    def close(self) -> None:
        """Take what is still queued, then close the bag."""
        if self._recorder.closed:  # the disk refused
            return
        for row, subscription in zip(self._rows, self._inputs, strict=True):
            while taken := subscription.handle.take_message(subscription.msg_type, True):
                self._recorder.write(row.topic, row.typename, taken[0], raw_stamp_ns(taken[0]))
        self._recorder.close()
        self.get_logger().info(f"{self._recorder.messages} messages in {self._recorder.path}")


def main() -> None:
    """Entry point."""
    run_node(RecorderNode)
