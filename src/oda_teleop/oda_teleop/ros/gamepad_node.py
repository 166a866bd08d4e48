"""A driver of gamepads: the topic of the joy node, from the Linux joystick interface."""

from dataclasses import dataclass

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from oda_core import topics
from oda_core.errors import DeviceError
from oda_core.ros.diagnostics import OK, WARN, Diagnostics
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_teleop.gamepad import Gamepad

LOOK_S = 0.01
REPEAT = 5  # looks without an event after which the state is published again
RETRY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class GamepadParameters:
    """Parameters of the node."""

    path: str = setting("/dev/input/js0", "Joystick device")


class GamepadNode(Node):
    """Events in, axes and buttons out; silent while there is no gamepad."""

    def __init__(self) -> None:
        """Create the topic; the gamepad is looked for with the first turn."""
        super().__init__("gamepad")
        self._path = declare(self, GamepadParameters).path
        self._gamepad: Gamepad | None = None
        self._fault = "not opened yet"
        self._silent = 0
        self._joys = self.create_publisher(Joy, topics.JOY, 10)
        self._diagnostics = Diagnostics(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_S, self._look, clock=steady)
        self.create_timer(RETRY_S, self._open, clock=steady)
        self._open()

    def _open(self) -> None:
        self._diagnostics.publish(WARN if self._fault else OK, self._fault)
        if self._gamepad is not None:
            return
        try:
            self._gamepad, self._fault = Gamepad(self._path), ""
            self.get_logger().info(f"{self._path}: opened")
        except DeviceError as error:
            self._lose(error)

    def _look(self) -> None:
        if self._gamepad is None:
            return
        try:
            changed = self._gamepad.read()
        except DeviceError as error:
            self._gamepad.close()
            self._gamepad = None
            self._lose(error)
            return
        self._silent = 0 if changed else self._silent + 1
        if changed or self._silent % REPEAT == 0:
            joy = Joy(axes=self._gamepad.axes, buttons=self._gamepad.buttons)
            joy.header.stamp = self.get_clock().now().to_msg()
            self._joys.publish(joy)

    def _lose(self, error: DeviceError) -> None:
        if str(error) != self._fault:
            self.get_logger().warning(str(error))
        self._fault = str(error)

    def close(self) -> None:
        """Let go of the gamepad."""
        if self._gamepad is not None:
            self._gamepad.close()


def main() -> None:
    """Entry point."""
    run_node(GamepadNode)
