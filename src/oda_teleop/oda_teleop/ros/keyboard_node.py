"""A keyboard as a space mouse: reads the terminal that it runs in."""

import os
import select
import sys
import termios
import time
import tty

from geometry_msgs.msg import Twist
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from oda_core import topics
from oda_core.errors import DeviceError
from oda_core.messages import twist_to_msg
from oda_core.ros.main import main as run_node
from oda_core.ros.types import rclpy_class
from oda_teleop.keys import HELP, Keys

LOOK_S = 0.02


class KeyboardNode(Node):
    """Keys in, the topics of a space mouse out."""

    def __init__(self) -> None:
        """Take the terminal.

        Raises:
            DeviceError: there is none.
        """
        super().__init__("keyboard")
        if not sys.stdin.isatty():
            raise DeviceError(
                "keyboard: standard input is no terminal; run this node by itself in a terminal"
            )
        self._terminal = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._terminal)
        tty.setcbreak(self._terminal)
        self._keys = Keys()
        self._twists = self.create_publisher(Twist, topics.SPACENAV_TWIST, 10)
        self._joys = self.create_publisher(Joy, topics.SPACENAV_JOY, 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_S, self._look, clock=steady)
        self.get_logger().info(HELP)

    def _look(self) -> None:
        now_s = time.monotonic()
        while select.select([self._terminal], [], [], 0)[0]:
            data = os.read(self._terminal, 64)
            if not data:
                raise SystemExit(0)  # the terminal was closed
            self._keys.press(data.decode(errors="replace"), now_s)
        axes = self._keys.deflection(now_s)
        self._twists.publish(twist_to_msg(axes, rclpy_class))
        joy = Joy(axes=axes.tolist(), buttons=self._keys.buttons(now_s))
        joy.header.stamp = self.get_clock().now().to_msg()
        self._joys.publish(joy)

    def close(self) -> None:
        """Leave the terminal as it was."""
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)


def main() -> None:
    """Entry point."""
    run_node(KeyboardNode)
