"""The policy at 10 Hz: states in, TCP twists out, every transition published as it was executed."""

import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path

from geometry_msgs.msg import TwistStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from oda_core import topics
from oda_core.errors import CheckpointError, ConfigError, ContractError
from oda_core.messages import (
    event_from_msg,
    stamp_ns,
    step_to_msg,
    twist_from_msg,
    twist_stamped,
)
from oda_core.ros import qos
from oda_core.ros.main import main as run_main
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.stepper import Stepper
from oda_core.types import EpisodeEvent, Event, Purpose, Source, StepData
from oda_core.wire import decode_state, raw_stamp_ns
from oda_msgs.msg import Episode, SafetyState, Step, TcpState, Weights
from oda_policy.ros.acting import Acting, Command
from oda_policy.ros.collector import LATE
from oda_policy.ros.weights import KEPT, WeightsStore

DEMANDED = (Purpose.EVALUATION, Purpose.TRAINING)


@dataclass(frozen=True, kw_only=True)
class PolicySettings:
    """Parameters of the policy node."""

    weights_timeout_s: float = setting(
        10.0, "wall time to wait for the demanded weights [s]", bounds=(0.1, 600.0)
    )
    realtime_priority: int = setting(
        0, "priority under SCHED_RR of all threads; 0 leaves the usual scheduler", bounds=(0, 98)
    )


class PolicyNode(Node):
    """Acts only within an episode that demands a policy, and only with the version demanded."""

    def __init__(self) -> None:
        """Subscribe; the order is the order of handling: what was executed before what follows."""
        super().__init__("policy")
        self.settings = declare(self, PolicySettings)
        self._spec = TaskSpec()
        self._weights = WeightsStore(self._spec)
        self._stepper = Stepper(self._spec)
        self._acting: Acting | None = None
        self._waiting: tuple[EpisodeEvent, float] | None = None  # START and when it came
        self._newest: bytes | None = None  # newest state, serialized
        self._twists = self.create_publisher(TwistStamped, topics.POLICY_TWIST, qos.COMMAND)
        self._steps = self.create_publisher(Step, topics.STEP, qos.latched(LATE))
        self.create_subscription(Weights, topics.WEIGHTS, self._on_weights, qos.latched(KEPT))
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(Episode, topics.MARK, self._on_mark, qos.MARK)
        self.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.latched(10))
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE, raw=True)
        self.create_timer(1.0, self._check_waiting, clock=Clock(clock_type=ClockType.STEADY_TIME))
        _prioritise(self.settings.realtime_priority)
        gc.collect()
        gc.freeze()  # what lives now lives on: collections stay short
        gc.disable()  # they are made between episodes
        self.get_logger().info("ready; acts in episodes that demand a policy")

    def _on_weights(self, msg: Weights) -> None:
        where = f"weights version {msg.version} of {msg.session}"
        start = self._waiting[0] if self._waiting else self._acting and self._acting.start
        try:
            if start and msg.session != start.session:
                raise CheckpointError(f"{where}: refused, an episode of {start.session} runs")
            self._weights.add(msg.session, msg.version, msg.sha256, msg.data.tobytes())
        except CheckpointError as error:
            self.get_logger().error(str(error))
            return
        self.get_logger().info(f"{where}: ready")
        self._try_begin()

    def _on_episode(self, msg: Episode) -> None:
        try:
            event = event_from_msg(msg)
        except (ContractError, ValueError) as error:
            self.get_logger().error(f"episode refused: {error}")
            return
        self._acting = self._waiting = None
        if event.event is Event.START and event.purpose in DEMANDED:
            self._waiting = (event, time.monotonic())
            self._try_begin()

    def _on_mark(self, msg: Episode) -> None:
        acting = self._acting
        if acting is not None and _names(msg, acting.start):
            self._stepper.mark(Event(int(msg.event)))
            acting.finish()

    def _try_begin(self) -> None:
        """Begin the episode that waits, if the version that it demands is there."""
        if self._waiting is None:
            return
        start = self._waiting[0]
        snapshot = self._weights.get(start.session, start.policy_version)
        if snapshot is None:
            return
        self._waiting = None
        self._stepper.begin(start)
        self._acting = Acting(start, snapshot, self._spec)
        if self._newest is not None:
            self._on_state(self._newest)  # the robot may wait with this one

    def _check_waiting(self) -> None:
        if self._acting is None:
            gc.collect()
        if self._waiting is None:
            return
        start, since = self._waiting
        text = (
            f"episode {start.episode_id} of {start.session} demands weights version "
            f"{start.policy_version}; at hand are {self._weights.versions} of "
            f"{self._weights.session or 'no session'}"
        )
        if time.monotonic() - since < self.settings.weights_timeout_s:
            self.get_logger().warning(f"{text}; waiting")
            return
        self._waiting = None
        self.get_logger().error(f"{text}; not acting in it: is the trainer node running?")

    def _on_safety(self, msg: SafetyState) -> None:
        if self._acting is not None and _stopped(msg):
            self.get_logger().error(f"stopped acting: {msg.reason}")
            self._acting = None
            self._stepper.forget()  # what was held or stopped is no transition of the policy's
        if self._acting is not None:
            twist, source = twist_from_msg(msg.twist), Source(int(msg.source))
            if source is Source.HUMAN and self._acting.first is not None:
                self._stepper.open(self._acting.first)
            self._publish(self._stepper.on_command(stamp_ns(msg.header.stamp), twist, source))

    def _on_state(self, cdr: bytes) -> None:
        self._newest = cdr
        acting = self._acting
        if acting is None:
            return
        stamp = raw_stamp_ns(cdr)
        if (command := acting.repeats(stamp)) is not None:
            self._command(command)
        elif acting.is_tick(stamp) or self._stepper.needs(stamp):
            self._on_needed_state(acting, cdr)

    def _on_needed_state(self, acting: Acting, cdr: bytes) -> None:
        try:
            state = decode_state(cdr)
        except ContractError as error:
            self.get_logger().error(f"not acting: {error}", throttle_duration_sec=1.0)
            return
        if acting.is_tick(state.stamp_ns) and (command := acting.command(state)) is not None:
            self._command(command)  # first of all: the robot waits
        self._publish(self._stepper.on_state(state))

    def _command(self, command: Command) -> None:
        self._twists.publish(twist_stamped(command.stamp_ns, command.twist, rclpy_class))

    def _publish(self, step: StepData | None) -> None:
        if step is not None:
            self._steps.publish(step_to_msg(step, rclpy_class))


def _names(msg: Episode, start: EpisodeEvent) -> bool:
    return (msg.session, msg.episode_id) == (start.session, start.episode_id)


def _stopped(msg: SafetyState) -> bool:
    """The arbiter has stopped the policy; nobody but a person lets it go on."""
    held = msg.state == SafetyState.STATE_HOLD and msg.source == SafetyState.SOURCE_POLICY
    return held or msg.state == SafetyState.STATE_ABORT


def _prioritise(priority: int) -> None:
    """Put every thread of this process under the real-time scheduler, if asked."""
    if not priority:
        return
    try:
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(priority))
    except PermissionError as error:
        raise ConfigError(
            f"realtime_priority {priority}: not permitted; raise the limit rtprio of this user, "
            "give the container the capability sys_nice, or set 0"
        ) from error


def main() -> None:
    """Entry point of `ros2 run oda_policy policy_node`."""
    run_main(PolicyNode)
