"""Node that stands for a person's space mouse and its driver, message for message."""

import time
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import Twist
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from oda_bringup.scripted_hand import Person, counts_of, read_mishaps
from oda_core import topics
from oda_core.messages import event_from_msg, twist_to_msg
from oda_core.ros import qos
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.seeds import operator_generator
from oda_core.settings import setting
from oda_core.spec import TaskSpec, to_twist
from oda_core.types import EpisodeEvent, Event, Purpose
from oda_core.wire import decode_state, raw_stamp_ns
from oda_msgs.msg import Episode, TcpState
from oda_sim.connector import load_connector
from oda_sim.operator import Operator
from oda_teleop.puck import Driver, DriverSettings, Report
from oda_teleop.shaping import Shaping

MOVING_M_S = 3e-4  # that a person sees
DEPTH = 10  # as the spacenav node


@dataclass(frozen=True, kw_only=True)
class MouseParameters:
    """Parameters of the node.

    Raises:
        ValueError: there is no such mishap.
    """

    connector: str = setting("round-peg-10", "Name of a connector, or path of its YAML file")
    mishaps: str = setting(
        "",
        "What goes wrong in the first episodes, such as: none, discard, failure, unplug, silence",
    )
    look_s: float = setting(
        0.001, "Between looks of the driver, as the spacenav node's [s]", bounds=(0.001, 0.1)
    )

    def __post_init__(self) -> None:
        read_mishaps(self.mishaps)


class ScriptedMouse(Node):
    """States and episodes in, as a person sees them; a driver's twists and buttons out."""

    def __init__(self) -> None:
        """Know the connector as the operator model does."""
        super().__init__("scripted_mouse")
        settings = declare(self, MouseParameters)
        self._connector = load_connector(settings.connector)
        self._spec, self._shaping = TaskSpec(), Shaping()
        self._person = Person(read_mishaps(settings.mishaps))
        self._driver = Driver(DriverSettings(), every_look=True)
        self._start: EpisodeEvent | None = None
        self._operator: Operator | None = None
        self._next_ns = 0
        self._twists = self.create_publisher(Twist, topics.SPACENAV_TWIST, DEPTH)
        self._joys = self.create_publisher(Joy, topics.SPACENAV_JOY, DEPTH)
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE, raw=True)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(settings.look_s, self._look, clock=steady)

    def _on_episode(self, msg: Episode) -> None:
        event, person = event_from_msg(msg), self._person
        runs = event.event is Event.START
        person.running = runs and event.purpose is Purpose.DEMONSTRATION
        person.watching = runs and not person.running
        person.inserted, person.wanted = False, None
        self._start = event if runs else None
        self._next_ns = event.stamp_ns
        if runs:
            generator = operator_generator(event.seed)
            self._operator = Operator(self._connector, generator, spec=self._spec)

    def _on_state(self, cdr: bytes) -> None:
        """Look at the cell ten times a second, and let go when it is inserted."""
        if self._start is None or self._operator is None or raw_stamp_ns(cdr) < self._next_ns:
            return
        state = decode_state(cdr)
        self._next_ns = state.stamp_ns + self._spec.period_ns
        self._person.inserted = state.inserted
        if np.abs(state.twist[:3]).max() > MOVING_M_S:
            self._person.seen_s = time.monotonic()
        if state.inserted:
            return
        twist = to_twist(self._operator.act(state, self._start.start_pose), self._spec)
        self._person.wanted = counts_of(twist, self._shaping, state.pose.quaternion, self._spec)

    def _look(self) -> None:
        events = self._person.look(time.monotonic())
        if self._person.driving:
            for report in self._driver.look(events):
                self._publish(report)

    def _publish(self, report: Report) -> None:
        if report.twist is not None:
            self._twists.publish(twist_to_msg(report.twist, rclpy_class))
        joy = Joy(axes=report.axes.tolist(), buttons=report.buttons)
        joy.header.stamp = self.get_clock().now().to_msg()
        self._joys.publish(joy)


def main() -> None:
    """Entry of the executable."""
    run_node(ScriptedMouse)
