"""Where a trial is run from: hears all topics, tampers with three of them, acts as a person."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from rclpy.task import Future
from rosgraph_msgs.msg import Clock as ClockMsg
from std_srvs.srv import Trigger

from oda_bringup.faults.judge import Seen, Shown
from oda_bringup.faults.rig import TAMPERED
from oda_bringup.faults.tampering import Tamper, pass_on
from oda_core import topics
from oda_core.errors import SessionError
from oda_core.messages import event_from_msg, header, step_from_msg, twist_from_msg, twist_stamped
from oda_core.ros import qos
from oda_core.ros.executor import LeanExecutor
from oda_core.ros.goals import SentGoal
from oda_core.ros.types import rclpy_class
from oda_core.wire import decode_state
from oda_msgs.action import Adapt
from oda_msgs.msg import Episode, SafetyState, Step, TcpState, Weights
from oda_policy.ros.weights import KEPT

TICK_S = 0.05
PRESS_S = 2.0  # between two tries at a button
TYPES: dict[str, tuple[type, QoSProfile, QoSProfile]] = {
    "twist": (TwistStamped, qos.COMMAND_LOG, qos.COMMAND_LOG),
    "state": (TcpState, qos.STATE_LOG, qos.STATE),
    "weights": (Weights, qos.latched(KEPT), qos.latched(KEPT)),
}  # of a tampered stream: type, how it is heard, how it is passed on


class Desk(Node):
    """A node with an executor of its own.

    Attributes:
        seen: what was heard since the trial began.
        tampers: what happens to each stream.
    """

    def __init__(self, executor: LeanExecutor) -> None:
        """Subscribe to everything."""
        super().__init__("fault_desk", namespace="/oda")
        self._turn = executor.turn
        executor.add_node(self)
        self.seen = Seen()
        self._heard_s = time.monotonic()  # when the newest state came
        self.tampers: dict[str, Tamper] = {}
        for stream in TAMPERED:
            self._relay(stream)
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE_LOG, raw=True)
        self.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.EVENTS)
        self.create_subscription(TwistStamped, topics.COMMAND, self._on_command, qos.COMMAND_LOG)
        self.create_subscription(Step, topics.STEP, self._on_step, qos.profile(1000))
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.profile(100))
        # without a message the executor would wait for ever, and no limit be seen
        self.create_timer(TICK_S, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._jumping = self.create_publisher(ClockMsg, topics.CLOCK, qos.profile(10))
        self._human = self.create_publisher(TwistStamped, topics.TELEOP_TWIST, qos.COMMAND)
        self._goals = ActionClient(self, Adapt, "/oda/adapt")
        self._limits = AsyncParameterClient(self, "/oda/arbiter")
        names = (topics.START, topics.MARK_FAILURE)
        self._buttons = {name: self.create_client(Trigger, name) for name in names}

    def destroy_node(self) -> None:
        """Leave the graph: while anything of the node lives, others still see it."""
        self._goals.destroy()
        super().destroy_node()

    @property
    def now_ns(self) -> int:
        """Stamp of the newest state."""
        return self.seen.states[-1].stamp_ns if self.seen.states else 0

    def until(self, ready: Callable[[], Any], what: str, limit_s: float) -> None:
        """Turn until a condition holds.

        Raises:
            SessionError: it did not within the limit.
        """
        deadline = time.monotonic() + limit_s
        while not ready():
            if time.monotonic() > deadline:
                raise SessionError(f"fault injection: {what} did not come within {limit_s:g} s")
            self._turn()

    def turn_for(self, seconds: float) -> None:
        """Turn for a while, to see what comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._turn()

    def missing(self) -> list[str]:
        """What of the graph is not there."""
        ready = {name: client.service_is_ready() for name, client in self._buttons.items()}
        ready |= {t: self.count_publishers(t) for t in (topics.STATE, topics.STEP, topics.SAFETY)}
        ready |= {behind: self.count_subscribers(behind) for _, behind in TAMPERED.values()}
        ready["/oda/adapt"] = self._goals.server_is_ready()
        ready["parameters of the arbiter"] = self._limits.services_are_ready()
        return [name for name, there in ready.items() if not there]

    def wait_for_all(self, limit_s: float) -> None:
        """Wait until all nodes are there.

        Raises:
            SessionError: one is not.
        """
        deadline = time.monotonic() + limit_s
        while missing := self.missing():
            if time.monotonic() > deadline:
                raise SessionError(f"fault injection: {', '.join(missing)}: not there")
            self._turn()

    def call(self, name: str) -> None:
        """Press a person's button, and again while nothing answers.

        An answer is lost when its server has not discovered this node yet.

        Raises:
            SessionError: nothing answered.
        """
        answers: list[Future] = []
        pressed_s = -PRESS_S

        def answered() -> bool:
            nonlocal pressed_s
            if time.monotonic() - pressed_s >= PRESS_S:
                pressed_s = time.monotonic()
                answers.append(self._buttons[name].call_async(Trigger.Request()))
            return any(answer.done() for answer in answers)

        self.until(answered, name, 10.0)

    def adapt(self, goal: Adapt.Goal) -> SentGoal:
        """Ask for an adaptation, and wait for the answer.

        Raises:
            SessionError: none came, or the adapt node refused.
        """
        sent = SentGoal(self._goals, goal)
        self.until(sent.answered, "answer of /oda/adapt", 10.0)
        if sent.refused:
            raise SessionError("fault injection: the adapt node refused the goal; see its log")
        return sent

    def limit_force(self, newtons: float) -> None:
        """Change the arbiter's wrench limit while it runs."""
        wanted = [Parameter("limits.force_n", value=newtons)]
        answer = self._limits.set_parameters(wanted)
        self.until(answer.done, "answer of the arbiter's parameters", 10.0)

    def jump(self, seconds: float) -> None:
        """Publish one clock message that is far from the others."""
        stamp = header(self.now_ns + round(seconds * 1e9), "", rclpy_class).stamp
        self._jumping.publish(ClockMsg(clock=stamp))

    def steer(self, twist: np.ndarray) -> None:
        """Command as an operator: a twist (6,) [m/s, rad/s] in the TCP frame."""
        self._human.publish(twist_stamped(self.now_ns, twist, rclpy_class))

    def _relay(self, stream: str) -> None:
        kind, heard, passed = TYPES[stream]
        source, target = TAMPERED[stream]
        publisher = self.create_publisher(kind, target, passed)

        def on_message(cdr: bytes) -> None:
            for message in self.tampers.get(stream, pass_on)(cdr):
                publisher.publish(message)

        self.create_subscription(kind, source, on_message, heard, raw=True)

    def _on_state(self, cdr: bytes) -> None:
        before, self._heard_s = self._heard_s, time.monotonic()
        self.seen.longest_gap_s = max(self.seen.longest_gap_s, self._heard_s - before)
        self.seen.states.append(decode_state(cdr))

    def _on_safety(self, msg: SafetyState) -> None:
        speed = float(np.abs(twist_from_msg(msg.twist)).max())
        self.seen.safety.append(Shown(self.now_ns, msg.state, msg.reason, speed))

    def _on_command(self, msg: TwistStamped) -> None:
        speed = float(np.abs(twist_from_msg(msg.twist)).max())
        self.seen.commands.append(Shown(self.now_ns, -1, "", speed))

    def _on_step(self, msg: Step) -> None:
        self.seen.steps.append(step_from_msg(msg))

    def _on_episode(self, msg: Episode) -> None:
        self.seen.episodes.append(event_from_msg(msg))
