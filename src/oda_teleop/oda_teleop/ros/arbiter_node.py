"""The sole publisher of /oda/cmd/twist: arbitrates, limits, and reports on /oda/safety."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock, JumpThreshold
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.errors import ContractError
from oda_core.messages import event_from_msg, header, stamp_ns, twist_from_msg
from oda_core.ros import qos
from oda_core.ros.diagnostics import ERROR, OK, WARN, Diagnostics
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare, watch
from oda_core.ros.states import StateBuffer
from oda_core.ros.types import rclpy_class
from oda_core.spec import TaskSpec
from oda_core.types import TCP_FRAME, Source
from oda_core.types import TcpState as MeasuredState
from oda_msgs.msg import Episode, SafetyState, TcpState
from oda_teleop.arbiter import Arbiter
from oda_teleop.commands import REST, ArbiterConfig, Executed, Request, Safety
from oda_teleop.idling import Idling
from oda_teleop.limits import Limits

WATCH_S = 0.02
REPORT_S = 0.1
PATIENCE_S = 0.2  # with the START of a command's episode


@dataclass(frozen=True, kw_only=True)
class ArbiterParameters(ArbiterConfig):
    """Parameters of the node."""

    limits: Limits = field(default_factory=Limits)


class ArbiterNode(Node):
    """Policy and teleoperation twists in, executed twists and their reasons out."""

    def __init__(self) -> None:
        """Declare parameters, topics and services."""
        super().__init__("arbiter")
        settings = declare(self, ArbiterParameters)
        self._lockstep = settings.lockstep
        self._arbiter = Arbiter(settings, settings.limits)
        self._idling = Idling(TaskSpec().period_ns)
        self._states = StateBuffer()
        self._waiting: Request | None = None  # for its episode or, in lock-step, for its state
        self._waiting_since = 0.0  # monotonic [s]
        self._reported: tuple[Safety, str] | None = None
        self._reported_s = 0.0  # monotonic
        self._heard_s = 0.0  # monotonic, of the newest state
        self._born_ns = time.time_ns()  # by the clock that stamps what is sent
        self._command = self.create_publisher(TwistStamped, topics.COMMAND, qos.COMMAND)
        self._safety = self.create_publisher(SafetyState, topics.SAFETY, qos.EVENTS)
        self._diagnostics = Diagnostics(self)
        watch(self, settings, self._change)
        self._subscribe()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(WATCH_S, self._watch, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)
        # /clock may jump and come back between two looks of the watchdog
        far = JumpThreshold(
            min_forward=Duration(seconds=1.0),
            min_backward=Duration(seconds=-settings.stale_s),
            on_clock_change=False,
        )
        self._jumps = self.get_clock().create_jump_callback(
            far, post_callback=lambda _: self._watch()
        )

    def _subscribe(self) -> None:
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE, raw=True)
        for topic, source in (
            (topics.TELEOP_TWIST, Source.HUMAN),
            (topics.POLICY_TWIST, Source.POLICY),
            (topics.RESET_TWIST, Source.RESET),
        ):
            self.create_subscription(
                TwistStamped, topic, lambda msg, s=source: self._on_twist(msg, s), qos.GUARDED
            )
        self.create_service(Trigger, topics.START, self._on_start)
        self.create_service(Trigger, topics.STOP, self._on_stop)

    def _change(self, settings: ArbiterParameters) -> None:
        self._arbiter.limits = settings.limits

    def _now_ns(self) -> int:
        return self.get_clock().now().nanoseconds

    def _watchdog_ns(self) -> int:
        return self._now_ns() if self._lockstep else time.monotonic_ns()

    def _on_episode(self, msg: Episode, info: dict[str, Any]) -> None:
        if info["source_timestamp"] < self._born_ns:
            self.get_logger().warning(
                f"episode {msg.episode_id}: began before this arbiter did, so nothing of it "
                "passes; begin a new one"
            )
            return
        self._arbiter.episode(event_from_msg(msg))
        self._report()
        self._look_again()

    def _on_state(self, cdr: bytes) -> None:
        self._states.add(cdr)
        self._heard_s = time.monotonic()
        if self._lockstep:
            self._idle()
        else:
            self._measure()
        self._look_again()

    def _idle(self) -> None:
        """In lock-step, say that nothing is commanded while a reset motion moves time on."""
        newest_ns = self._states.newest_ns
        if self._arbiter.state is not Safety.IDLE or newest_ns is None:
            return
        due_ns = self._idling.due(newest_ns)
        if due_ns is not None:
            self._publish(due_ns, REST.twist)

    def _measure(self) -> None:
        """Let the newest state be judged, between commands too."""
        try:
            state = self._states.newest()
        except ContractError:
            return  # said, and refused, with the next command
        before = self._arbiter.state
        unloaded = self._arbiter.measure(state, time.monotonic_ns()) if state else None
        if unloaded is not None:
            self._send(unloaded)
        elif self._arbiter.state is not before:
            self._report()

    def _look_again(self) -> None:
        if self._waiting is not None and not self._must_wait(self._waiting):
            self._decide(self._waiting)

    def _on_twist(self, msg: TwistStamped, source: Source) -> None:
        request = Request(
            stamp_ns=stamp_ns(msg.header.stamp),
            frame=msg.header.frame_id,
            twist=twist_from_msg(msg.twist),
            source=source,
        )
        if not self._must_wait(request):
            self._decide(request)
            return
        if self._waiting is None:
            self._waiting_since = time.monotonic()
        self._waiting = request

    def _must_wait(self, request: Request) -> bool:
        """What it belongs to comes on another topic, and is still on its way.

        In lock-step that is the very state acted on, which the limits judge; in both modes the
        START of its episode, which the policy may have heard first.
        """
        now_ns, newest = self._now_ns(), self._states.newest_ns
        if self._lockstep and (
            newest is None or newest < request.stamp_ns <= now_ns + self._arbiter.stale_ns
        ):
            return True
        return self._arbiter.is_early(request, now_ns)

    def _give_up_waiting(self) -> None:
        """No episode has begun; in lock-step time stands still, and does not tell."""
        request = self._waiting
        expired = time.monotonic() - self._waiting_since > PATIENCE_S
        if request is not None and expired and self._arbiter.is_early(request, self._now_ns()):
            self._decide(request)

    def _decide(self, request: Request) -> None:
        self._waiting = None
        before = self._arbiter.refused
        state = self._state(request)
        executed = self._arbiter.command(request, self._now_ns(), self._watchdog_ns(), state)
        if executed is not None:
            self._send(executed)
        if self._arbiter.refused != before:
            self.get_logger().warning(self._arbiter.reason, throttle_duration_sec=1.0)
            self._report()

    def _state(self, request: Request) -> MeasuredState | None:
        silent_s = time.monotonic() - self._heard_s
        if not self._lockstep and silent_s > self._arbiter.config.stale_s:
            return None
        try:
            return self._states.at(request.stamp_ns) if self._lockstep else self._states.newest()
        except ContractError as error:
            self.get_logger().error(str(error), throttle_duration_sec=1.0)
            return None

    def _watch(self) -> None:
        self._give_up_waiting()
        clock_ns = self._watchdog_ns()
        executed = self._arbiter.watch(self._now_ns(), clock_ns)
        if executed is not None:
            self._send(executed)
        changed = (self._arbiter.state, self._arbiter.reason) != self._reported
        if changed or time.monotonic() - self._reported_s > REPORT_S:
            self._report()

    def _send(self, executed: Executed) -> None:
        self._report()  # first, so that nobody sees the motion before its reason
        self._idling.commanded(executed.stamp_ns)
        self._publish(executed.stamp_ns, executed.twist)

    def _publish(self, stamp_ns: int, twist: np.ndarray) -> None:
        msg = TwistStamped(header=header(stamp_ns, TCP_FRAME, rclpy_class))
        _fill(msg.twist, twist)
        self._command.publish(msg)

    def _report(self) -> None:
        arbiter, executed = self._arbiter, self._arbiter.executed
        msg = SafetyState(
            header=header(executed.stamp_ns, TCP_FRAME, rclpy_class),
            state=int(arbiter.state),
            reason=arbiter.reason,
            source=int(executed.source),
            limited=executed.limited,
            refused=arbiter.refused,
        )
        _fill(msg.twist, executed.twist)
        self._safety.publish(msg)
        if self._reported is None or self._reported[0] is not arbiter.state:
            self.get_logger().info(f"{arbiter.state.name}: {arbiter.reason}")
        self._reported = (arbiter.state, arbiter.reason)
        self._reported_s = time.monotonic()

    def _diagnose(self) -> None:
        arbiter = self._arbiter
        bad = {Safety.ABORT: ERROR, Safety.HOLD: WARN, Safety.RETRACT: WARN}
        self._diagnostics.publish(
            bad.get(arbiter.state, OK), arbiter.reason, state=arbiter.state.name,
            refused=arbiter.refused, late=arbiter.late, limited=arbiter.executed.limited,
        )  # fmt: skip

    def _on_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._arbiter.start()
        return self._answer(response)

    def _on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._arbiter.stop("stopped by /oda/stop")
        return self._answer(response)

    def _answer(self, response: Trigger.Response) -> Trigger.Response:
        self._report()
        response.success = True
        response.message = f"{self._arbiter.state.name}: {self._arbiter.reason}"
        return response


def _fill(msg: Twist, twist: np.ndarray) -> None:
    v, w = msg.linear, msg.angular
    v.x, v.y, v.z, w.x, w.y, w.z = twist.tolist()


def main() -> None:
    """Entry point."""
    run_node(ArbiterNode)
