"""A driver of space mice: the topics of the spacenav node, from spacenavd's socket.

For where that node is absent. It differs where the original is a trap: a puck held still keeps its
deflection, and an unplugged mouse falls silent, after one message of rest, until it is back.
"""

from dataclasses import dataclass

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from oda_core import topics
from oda_core.errors import DeviceError
from oda_core.messages import twist_to_msg
from oda_core.ros.diagnostics import OK, WARN, Diagnostics
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.settings import setting
from oda_teleop.puck import Driver, DriverSettings, Report
from oda_teleop.spnav import Connection, Event, Plugged, socket_path

LOOK_S = 0.005
RETRY_S = 1.0
DEPTH = 10  # as the spacenav node


@dataclass(frozen=True, kw_only=True)
class SpacenavParameters(DriverSettings):
    """Parameters of the node."""

    zero_when_static: bool = setting(False, "Report a puck that is held still as let go")
    static_count_threshold: int = setting(
        6, "Looks of 5 ms without an event after which the puck is still", bounds=(1, 10_000)
    )
    use_twist_stamped: bool = setting(False, "Publish spacenav/twist_stamped instead of twist")
    socket: str = setting("", "Socket of spacenavd; empty: SPNAV_SOCKET, or its usual place")


class SpacenavNode(Node):
    """Events of the daemon in, twists and buttons out."""

    def __init__(self) -> None:
        """Create the topics; the daemon is looked for with the first turn."""
        super().__init__("spacenav")
        self._settings = declare(self, SpacenavParameters)
        self._driver = Driver(self._settings, every_look=False)
        self._connection: Connection | None = None
        self._plugged = False
        self._fault = "not connected yet"
        stamped = self._settings.use_twist_stamped
        kind, topic = (
            (TwistStamped, topics.SPACENAV_TWIST_STAMPED) if stamped
            else (Twist, topics.SPACENAV_TWIST)
        )  # fmt: skip
        self._twists = self.create_publisher(kind, topic, DEPTH)
        self._joys = self.create_publisher(Joy, topics.SPACENAV_JOY, DEPTH)
        self._diagnostics = Diagnostics(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_S, self._look, clock=steady)
        self.create_timer(RETRY_S, self._connect, clock=steady)
        self._connect()

    def _connect(self) -> None:
        self._diagnostics.publish(WARN if self._fault else OK, self._fault, plugged=self._plugged)
        if self._connection is not None:
            return
        path = socket_path(self._settings.socket)
        try:
            self._connection = Connection(path)
        except DeviceError as error:
            if str(error) != self._fault:
                self.get_logger().warning(str(error))
            self._fault = str(error)
            return
        self._plugged, self._fault = True, ""
        version = self._connection.version
        self.get_logger().info(f"connected to spacenavd at {path}, protocol version {version}")

    def _look(self) -> None:
        if self._connection is None:
            return
        try:
            events = self._connection.read()
        except DeviceError as error:
            self.get_logger().warning(str(error))
            self._connection.close()
            self._connection, self._fault = None, str(error)
            self._go()
            return
        self._take(events)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Plugged):
                self.get_logger().info(f"the mouse was plugged {'in' if event.present else 'out'}")
                if not event.present:
                    self._go()
            self._plugged = event.present if isinstance(event, Plugged) else True
        if self._plugged:
            self._publish(self._driver.look(events))

    def _go(self) -> None:
        """The mouse or its daemon is gone: rest, then silence."""
        self._plugged = False
        self._publish(self._driver.forget())

    def _publish(self, reports: list[Report]) -> None:
        stamp = self.get_clock().now().to_msg()
        for report in reports:
            if report.twist is not None:
                self._twists.publish(self._twist(report, stamp))
            joy = Joy(axes=report.axes.tolist(), buttons=report.buttons)
            joy.header.stamp = stamp
            self._joys.publish(joy)

    def _twist(self, report: Report, stamp: object) -> Twist | TwistStamped:
        twist = twist_to_msg(report.twist, rclpy_class)
        if not self._settings.use_twist_stamped:
            return twist
        message = TwistStamped(twist=twist)
        message.header.stamp = stamp
        return message

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()


def main() -> None:
    """Entry point."""
    run_node(SpacenavNode)
