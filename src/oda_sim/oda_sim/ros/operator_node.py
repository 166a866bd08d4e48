"""The scripted operator at the teleoperation topic: it acts in demonstrations like a person."""

from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.node import Node

from oda_core import topics
from oda_core.errors import ContractError
from oda_core.messages import event_from_msg, twist_stamped
from oda_core.ros import qos
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.seeds import operator_generator
from oda_core.settings import setting
from oda_core.spec import TaskSpec, to_twist
from oda_core.types import EpisodeEvent, Event, Purpose, TcpState
from oda_core.wire import decode_state, raw_stamp_ns
from oda_msgs.msg import Episode
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_sim.connector import Connector, load_connector
from oda_sim.operator import Operator


@dataclass(frozen=True, kw_only=True)
class OperatorParameters:
    """Parameters of the node."""

    connector: str = setting("round-peg-10", "Name of a connector, or path of its YAML file")


class Demonstration:
    """One episode of the operator at 10 Hz."""

    def __init__(self, connector: Connector, start: EpisodeEvent, spec: TaskSpec) -> None:
        """Look at the cell; the hand's randomness follows from the episode's seed."""
        self._start, self._spec = start, spec
        self._operator = Operator(connector, operator_generator(start.seed), spec=spec)
        self._acted_ns = 0
        self._next_ns = start.stamp_ns
        self._ticks = 0
        self._twist = np.zeros(6)

    def needs(self, stamp_ns: int) -> bool:
        """The state of this stamp is the next tick, or the last one again."""
        return stamp_ns >= self._next_ns or stamp_ns == self._acted_ns

    def act(self, state: TcpState) -> np.ndarray | None:
        """Twist (6,) [m/s, rad/s] for a state, the same for the same stamp; None at the end."""
        if state.stamp_ns != self._acted_ns:
            ended = self._ticks >= self._start.max_steps or (self._ticks > 0 and state.inserted)
            if ended:
                return None
            self._ticks += 1
            self._acted_ns = state.stamp_ns
            self._next_ns = state.stamp_ns + self._spec.period_ns
            action = self._operator.act(state, self._start.start_pose)
            self._twist = to_twist(action, self._spec)
        return self._twist


class OperatorNode(Node):
    """States in, teleoperation twists out, each with the stamp of the state acted on."""

    def __init__(self) -> None:
        """Learn the connector's nominal pose, then subscribe."""
        super().__init__("operator")
        self._connector = load_connector(declare(self, OperatorParameters).connector)
        self._spec = TaskSpec()
        self._demonstration: Demonstration | None = None
        self._newest: bytes | None = None
        self._twists = self.create_publisher(TwistStamped, topics.TELEOP_TWIST, qos.COMMAND)
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(TcpStateMsg, topics.STATE, self._on_state, qos.STATE, raw=True)

    def _on_episode(self, msg: Episode) -> None:
        event = event_from_msg(msg)
        self._demonstration = None
        if event.event is Event.START and event.purpose is Purpose.DEMONSTRATION:
            self._demonstration = Demonstration(self._connector, event, self._spec)
            if self._newest is not None:
                self._on_state(self._newest)  # the robot may wait with this one

    def _on_state(self, cdr: bytes) -> None:
        self._newest = cdr
        if self._demonstration is None or not self._demonstration.needs(raw_stamp_ns(cdr)):
            return
        try:
            state = decode_state(cdr)
        except ContractError as error:
            self.get_logger().error(f"not acting: {error}", throttle_duration_sec=1.0)
            return
        twist = self._demonstration.act(state)
        if twist is not None:
            self._twists.publish(twist_stamped(state.stamp_ns, twist, rclpy_class))


def main() -> None:
    """Entry point."""
    run_node(OperatorNode)
