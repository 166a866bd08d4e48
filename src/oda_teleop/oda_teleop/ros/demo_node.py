"""Owner of demonstration episodes: reset, START, steps of what the operator did, end, next."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from rclpy.action import ActionClient
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.node import Node

from oda_core import topics
from oda_core.errors import SessionError
from oda_core.messages import event_to_msg, pose_from_msg, stamp_ns, step_to_msg, twist_from_msg
from oda_core.ros import qos
from oda_core.ros.goals import SentGoal
from oda_core.ros.main import main as run_node
from oda_core.ros.marks import BY_OPERATOR, NO_EPISODE, NO_STEP, serve_marks
from oda_core.ros.parameters import declare
from oda_core.ros.states import StateBuffer
from oda_core.ros.types import rclpy_class
from oda_core.seeds import episode_seed
from oda_core.settings import setting
from oda_core.stepper import Stepper
from oda_core.types import EpisodeEvent, Event, Purpose, Source, StepData
from oda_msgs.action import Reset
from oda_msgs.msg import Episode, SafetyState, Step, TcpState

FLUSHED = Duration(seconds=0.5)
PULSE_S = 0.1
EXHAUSTED = 1  # exit code


@dataclass(frozen=True, kw_only=True)
class DemoParameters:
    """Parameters of the node."""

    connector: str = setting("", "Name of the mounted connector; empty: whatever is mounted")
    episodes: int = setting(20, "Successful demonstrations to record", bounds=(1, 10_000))
    max_attempts: int = setting(0, "Episodes to try; 0: five per demonstration", bounds=(0, 50_000))
    session: str = setting("demo", "Name of the session, in every message")
    seed: int = setting(0, "Seed of the session", bounds=(0, 2**62))
    start_noise_m: float = setting(
        1e-3, "Half width of the hidden start noise per axis [m]", bounds=(0.0, 0.02)
    )
    max_steps: int = setting(80, "Time limit of an episode [steps of 0.1 s]", bounds=(1, 10_000))
    wait_for_recorder: bool = setting(True, "Begin when someone subscribes to the steps")
    silence_s: float = setting(
        30.0, "Wall time without progress that is an error [s]", bounds=(1.0, 3600.0)
    )


class DemoNode(Node):
    """Runs episodes until enough of them succeeded, then ends the process."""

    def __init__(self, name: str = "demo", schema: type[DemoParameters] = DemoParameters) -> None:
        """Create the topics; the session begins with the first turn of the executor."""
        super().__init__(name)
        self._settings = declare(self, schema)
        self._stepper = Stepper()
        self._states = StateBuffer()
        self._safety: SafetyState | None = None
        self._alive = time.monotonic()
        self._ends: dict[int, Event] = {}  # of the episodes that were not taken back
        self._episodes = self.create_publisher(Episode, topics.EPISODE, qos.EVENTS)
        self._steps = self.create_publisher(Step, topics.STEP, qos.STEP)
        self.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.EVENTS)
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE_LOG, raw=True)
        self.create_subscription(Episode, topics.DISCARD, self._on_discard, qos.MARK)
        self._reset = ActionClient(self, Reset, topics.RESET)
        serve_marks(self, self._mark)
        self._begun = False
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(PULSE_S, self._pulse, clock=steady)

    def _pulse(self) -> None:
        """Begin; later, make sure that the session looks at its time limits."""
        if not self._begun:
            self._begun = True
            self.executor.create_task(self._session)

    async def _session(self) -> None:
        settings = self._settings
        attempts = settings.max_attempts or 5 * settings.episodes
        await self._until(lambda: not self._missing(), lambda: f"missing: {self._missing()}")
        for number in range(attempts):
            event = await self._episode(number)
            await self._review(event)
            self.get_logger().info(
                f"demonstration {self._successes}/{settings.episodes}: episode {number} "
                f"{event.event.name} after {event.steps} steps, peak {event.peak_force_n:.0f} N"
            )
            if self._successes == settings.episodes:
                self._flush()
                raise SystemExit(0)
        self.get_logger().fatal(
            f"{self._successes} of {attempts} episodes succeeded, expected {settings.episodes}; "
            "look at the recorded failures, or allow more max_attempts"
        )
        self._flush()
        raise SystemExit(EXHAUSTED)

    async def _episode(self, number: int) -> EpisodeEvent:
        start = await self._ready(number)
        self._stepper.begin(start)
        self._episodes.publish(event_to_msg(start, rclpy_class))
        for state in self._states.since(start.stamp_ns):
            self._publish(self._stepper.on_state(state))
        await self._until(
            lambda: self._stepper.outcome is not None or self._stopped(),
            lambda: (
                f"no step after step {self._stepper.steps} of episode {number}; does the "
                f"operator act? missing: {self._missing() or 'nothing'}"
            ),
        )
        return self._finish(self._ended())

    async def _ready(self, number: int) -> EpisodeEvent:
        """START of an episode of a robot that stands ready."""
        await self._until(
            lambda: not self._stopped(),
            lambda: f"the arbiter stopped the robot ({self._stopped()}); call /oda/start",
        )
        return await self._start(number)

    async def _review(self, end: EpisodeEvent) -> None:
        """Time to look at an episode that has ended."""

    async def _start(self, number: int) -> EpisodeEvent:
        """Reset the robot; the START event of the episode."""
        settings = self._settings
        seed = episode_seed(settings.seed, number)
        goal = Reset.Goal(
            connector=settings.connector, seed=seed, start_noise_m=settings.start_noise_m
        )
        sent = SentGoal(self._reset, goal, self._on_feedback)
        await self._until(sent.answered, lambda: f"{topics.RESET} does not answer")
        await self._until(sent.ended, lambda: f"{topics.RESET} does not end")
        if sent.refused or sent.result is None:
            raise SessionError(f"{topics.RESET}: the robot refused the goal; see its log")
        result: Reset.Result = sent.result.result().result
        if not result.success:
            raise SessionError(f"{topics.RESET}: {result.message or 'failed without a reason'}")
        return EpisodeEvent(
            stamp_ns=stamp_ns(result.start_pose.header.stamp),
            session=settings.session,
            episode_id=number,
            connector=settings.connector,
            purpose=Purpose.DEMONSTRATION,
            event=Event.START,
            seed=seed,
            start_pose=pose_from_msg(result.start_pose.pose),
            max_steps=settings.max_steps,
        )

    @property
    def _successes(self) -> int:
        """Demonstrations that count."""
        return sum(event is Event.SUCCESS for event in self._ends.values())

    def _ended(self) -> EpisodeEvent:
        """End event of the episode that runs."""
        stepper = self._stepper
        if stepper.outcome is None:
            return stepper.end(Event.ABORT, self._stopped() or "interrupted")
        if stepper.outcome is Event.SUCCESS:
            return stepper.end()
        if stepper.outcome is Event.FAILURE:
            return stepper.end(reason=BY_OPERATOR)
        return stepper.end(reason=f"not inserted within {stepper.steps} steps")

    def _finish(self, end: EpisodeEvent) -> EpisodeEvent:
        """Publish the end of the episode that runs."""
        self._stepper.forget()
        self._ends[end.episode_id] = end.event
        self._episodes.publish(event_to_msg(end, rclpy_class))
        return end

    def _mark(self, verdict: Event) -> str:
        """Let the running episode end with an operator's verdict; why not, empty if it will."""
        if self._stepper.done:
            return NO_EPISODE
        if not self._stepper.steps:
            return NO_STEP
        self._stepper.mark(verdict)
        return ""

    async def _until(self, ready: Callable[[], object], explain: Callable[[], str]) -> None:
        """Wait for a condition; SessionError after too long without progress."""
        self._alive = time.monotonic()
        while not ready():
            if time.monotonic() - self._alive > self._settings.silence_s:
                raise SessionError(f"{self._settings.silence_s:.0f} s of silence: {explain()}")
            await Turning()

    def _missing(self) -> str:
        publishers = {
            topics.STATE: "the robot or the simulation",
            topics.SAFETY: "the arbiter",
            topics.TELEOP_TWIST: "an operator",
        }
        missing = [f"{who} ({t})" for t, who in publishers.items() if not self.count_publishers(t)]
        if not self._reset.server_is_ready():
            missing.append(f"the robot's reset ({topics.RESET})")
        if self._settings.wait_for_recorder and not self._steps.get_subscription_count():
            missing.append(f"the recorder (subscribes to {topics.STEP})")
        return ", ".join(missing)

    def _stopped(self) -> str:
        """Why the arbiter stopped the robot; empty if it did not."""
        safety = self._safety
        return safety.reason if safety and safety.state == SafetyState.STATE_ABORT else ""

    def _on_feedback(self, _: object) -> None:
        self._alive = time.monotonic()

    def _on_safety(self, msg: SafetyState) -> None:
        self._safety = msg
        command = twist_from_msg(msg.twist)
        at_ns = stamp_ns(msg.header.stamp)
        self._publish(self._stepper.on_command(at_ns, command, Source(int(msg.source))))

    def _on_discard(self, msg: Episode) -> None:
        """An episode that was taken back counts no more."""
        if msg.session == self._settings.session and msg.episode_id in self._ends:
            del self._ends[msg.episode_id]
            self.get_logger().info(
                f"episode {msg.episode_id} is discarded {msg.reason}; "
                f"{self._successes} of {self._settings.episodes} demonstrations count"
            )

    def _on_state(self, cdr: bytes) -> None:
        if self._stepper.needs(self._states.add(cdr)):
            state = self._states.newest()
            self._publish(self._stepper.on_state(state) if state else None)

    def _publish(self, step: StepData | None) -> None:
        if step is not None:
            self._alive = time.monotonic()
            self._steps.publish(step_to_msg(step, rclpy_class))

    def _flush(self) -> None:
        """Let the last messages reach their subscribers."""
        self._steps.wait_for_all_acked(FLUSHED)
        self._episodes.wait_for_all_acked(FLUSHED)

    def close(self) -> None:
        """An episode that still runs ends with ABORT."""
        if self._stepper.start is not None:
            self._finish(self._ended())
            self._flush()


class Turning:
    """Awaited: go on after the executor's next turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def main() -> None:
    """Entry point."""
    run_node(DemoNode)
