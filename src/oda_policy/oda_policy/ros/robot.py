"""The episode owner's view of the robot: resets, episodes, safety."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node

from oda_core import topics
from oda_core.errors import ContractError, SessionError
from oda_core.messages import event_to_msg, expect_frame, pose_from_msg, stamp_ns
from oda_core.ros import qos
from oda_core.ros.goals import SentGoal
from oda_core.ros.marks import BY_OPERATOR, NO_EPISODE, NO_STEP
from oda_core.ros.types import rclpy_class
from oda_core.se3 import Pose
from oda_core.spec import TaskSpec
from oda_core.types import BASE_FRAME, EpisodeEvent, Event
from oda_msgs.action import Reset
from oda_msgs.msg import Episode, SafetyState, Step
from oda_policy.ros.collector import LATE
from oda_policy.ros.soundness import Soundness
from oda_policy.ros.waiting import Waiter

FORCE = slice(12, 15)  # of an observation
MOVING = (SafetyState.STATE_ACTIVE, SafetyState.STATE_HOLD, SafetyState.STATE_RETRACT)
SILENT_S = 5.0  # without a word of the arbiter, which speaks at 10 Hz


class SafetyAbortError(SessionError):
    """The arbiter stopped the robot, refused a command or is gone; a person must look."""


class ResetFailedError(SessionError):
    """A reset motion did not reach the start pose; it took robot_time_s."""

    def __init__(self, message: str, robot_time_s: float) -> None:
        """Say why."""
        super().__init__(f"/oda/reset: failed ({message or 'no reason given'})")
        self.robot_time_s = robot_time_s


class Ready(NamedTuple):
    """A robot at the start of an episode."""

    pose: Pose  # measured TCP in the base frame
    stamp_ns: int  # of that measurement
    robot_time_s: float  # of the motion


class Robot:
    """Resets the robot and runs one episode after another.

    Attributes:
        running: START event of the episode that runs.
        assisted: a person commanded in the running or the last episode.
    """

    def __init__(self, node: Node, spec: TaskSpec, silence_s: float, reset_limit_s: float) -> None:
        """Create the topics.

        Args:
            node: that owns the episodes.
            spec: scaling and period.
            silence_s: wall time without a step after which an episode is given up [s].
            reset_limit_s: wall time of a reset motion [s].
        """
        self.running: EpisodeEvent | None = None
        self.assisted = False
        self._node, self._spec = node, spec
        self._silence_s, self._reset_limit_s = silence_s, reset_limit_s
        self._steps, self._peak, self._last = 0, 0.0, None
        self._verdict: Event | None = None  # an operator's mark of the episode that runs
        self._ended_one = False  # an episode, of which the arbiter must have heard by a reset
        self._safety: SafetyState | None = None
        self._heard_s = 0.0  # monotonic, of the arbiter
        self._soundness = Soundness()
        self._reset = ActionClient(node, Reset, topics.RESET)
        self._episodes = node.create_publisher(Episode, topics.EPISODE, qos.EVENTS)
        self._marks = node.create_publisher(Episode, topics.MARK, qos.MARK)
        node.create_subscription(Step, topics.STEP, self._on_step, qos.latched(LATE))
        node.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.EVENTS)

    def missing(self) -> list[str]:
        """What of the graph is not there yet, with the node that brings it."""
        reset = [] if self._reset.server_is_ready() else ["/oda/reset (robot or simulation)"]
        publishers = {
            topics.STATE: "robot or simulation",
            topics.SAFETY: "arbiter node",
            topics.POLICY_TWIST: "policy node",
            topics.STEP: "policy node",
        }
        silent = [
            f"{topic} ({who})"
            for topic, who in publishers.items()
            if not self._node.count_publishers(topic)
        ]
        return reset + silent

    def check_safety(self) -> None:
        """Look whether the robot may go on, and whether the running episode is sound.

        Raises:
            SafetyAbortError: the arbiter has stopped the robot; or, while an episode runs, it held
                the policy, refused a command or fell silent, so that this is no episode to learn
                from.
        """
        if self._safety is not None and self._safety.state == SafetyState.STATE_ABORT:
            raise SafetyAbortError(
                f"/oda/safety: the arbiter stopped the robot ({self._safety.reason}); look at it, "
                "call /oda/start when it may move again, then resume the session"
            )
        if self.running is None:
            return
        if self._soundness.fault:
            raise SafetyAbortError(
                f"/oda/safety: {self._soundness.fault}; the episode is void: find the cause, then "
                "resume the session"
            )
        silent_s = time.monotonic() - self._heard_s
        if silent_s > SILENT_S:
            raise SafetyAbortError(
                f"/oda/safety: silent for {silent_s:.1f} s; is the arbiter running? See its log, "
                "then resume the session"
            )

    async def reset(self, connector: str, seed: int, noise_m: float, waiter: Waiter) -> Ready:
        """Move to a start pose with hidden noise, once the arbiter lets nothing through any more.

        In lock-step a reset takes seconds of the robot's time in milliseconds: an arbiter that has
        not heard yet that the episode has ended would miss the policy's commands in it.

        Raises:
            ResetFailedError: it ended elsewhere.
            SessionError: refused or too slow, or somebody goes on commanding.
        """
        if self._ended_one:
            await waiter.until(self._is_released, self._reset_limit_s, self._not_released)
        goal = Reset.Goal(connector=connector, seed=seed, start_noise_m=noise_m)
        sent = SentGoal(self._reset, goal)
        try:
            await self._wait(waiter, sent.answered, "did not answer")
            await self._wait(waiter, sent.ended, "did not end")
        except SessionError:
            sent.cancel()
            raise
        if sent.refused or sent.result is None:
            raise SessionError("/oda/reset: the robot refused the goal; see its log")
        return _ready(sent.result.result())

    async def run(self, start: EpisodeEvent, waiter: Waiter) -> EpisodeEvent:
        """Run an episode to its last step; its end event, not published yet.

        Raises:
            SessionError: a topic fell silent, or what the waiter's check raises.
        """
        self._steps, self._peak, self._last, self._verdict = 0, 0.0, None, None
        self._soundness.begin()
        self._heard_s = time.monotonic()
        self.running, self.assisted = start, False
        self._episodes.publish(event_to_msg(start, rclpy_class))
        while not self._ended():
            count = self._steps
            await waiter.until(lambda n=count: self._steps > n, self._silence_s, self._silence)
        self.check_safety()
        if self._last.terminated:
            return self._end(start, Event.SUCCESS)
        if self._verdict is Event.FAILURE:
            return self._end(start, Event.FAILURE, BY_OPERATOR)
        return self._end(start, Event.TIMEOUT, f"not inserted within {self._steps} steps")

    def mark(self, verdict: Event) -> str:
        """Let the running episode end with an operator's verdict; why not, empty if it will."""
        if self.running is None or self._ended():
            return NO_EPISODE
        if not self._steps:
            return NO_STEP
        self._verdict = verdict
        marked = dataclasses.replace(self.running, event=verdict)
        self._marks.publish(event_to_msg(marked, rclpy_class))
        return ""

    def publish_end(self, end: EpisodeEvent) -> None:
        """End the running episode."""
        self.running, self._ended_one = None, True
        self._episodes.publish(event_to_msg(end, rclpy_class))

    def abort(self, reason: str) -> None:
        """End the running episode, if one runs, with ABORT: the policy stops acting."""
        if self.running is not None:
            self.publish_end(self._end(self.running, Event.ABORT, reason))

    def _ended(self) -> bool:
        return self._last is not None and (self._last.terminated or self._last.truncated)

    def _end(self, start: EpisodeEvent, event: Event, reason: str = "") -> EpisodeEvent:
        """End event, stamped with the state after the last step."""
        done = self._last is not None
        end_ns = stamp_ns(self._last.header.stamp) + self._spec.period_ns if done else 0
        return dataclasses.replace(
            start,
            stamp_ns=max(start.stamp_ns, end_ns),
            event=event,
            reason=reason,
            steps=self._steps,
            peak_force_n=self._peak,
        )

    async def _wait(self, waiter: Waiter, done: Callable[[], bool], what: str) -> None:
        limit = self._reset_limit_s
        await waiter.until(
            done, limit, lambda: f"/oda/reset: {what} within {limit:g} s; is the robot running?"
        )

    def _is_released(self) -> bool:
        return self._safety is None or self._safety.state not in MOVING

    def _not_released(self) -> str:
        return (
            f"/oda/safety: {self._safety.reason!r} for {self._reset_limit_s:g} s after the end of "
            "the episode, so that no reset may begin; let go of the mouse, or stop who commands"
        )

    def _silence(self) -> str:
        gone = self.missing()
        hint = (
            f"missing: {', '.join(gone)}"
            if gone
            else "no node is known to be gone yet; see their logs"
        )
        return (
            f"/oda/step: silent for {self._silence_s:g} s after step {self._steps} of episode "
            f"{self.running.episode_id}; {hint}"
        )

    def _on_step(self, msg: Step) -> None:
        start = self.running
        if start is None or (msg.session, msg.episode_id) != (start.session, start.episode_id):
            return
        if msg.index < self._steps or stamp_ns(msg.header.stamp) < start.stamp_ns:
            return  # doubled, or of an earlier attempt
        self.assisted |= msg.source == Step.SOURCE_HUMAN
        forces = (msg.observation[FORCE], msg.next_observation[FORCE])
        newest = max(float(np.linalg.norm(f)) for f in forces) * self._spec.force_scale_n
        self._steps, self._last, self._peak = msg.index + 1, msg, max(self._peak, newest)

    def _on_safety(self, msg: SafetyState) -> None:
        self._safety, self._heard_s = msg, time.monotonic()
        if self.running is not None and not self._ended():
            by_policy = msg.source == SafetyState.SOURCE_POLICY
            held = msg.state == SafetyState.STATE_HOLD and by_policy
            self._soundness.hear(held, msg.refused, msg.reason)


def _ready(answer: Any) -> Ready:
    result = answer.result
    if answer.status != GoalStatus.STATUS_SUCCEEDED or not result.success:
        raise ResetFailedError(result.message, result.robot_time_s)
    pose = result.start_pose
    try:
        expect_frame("reset's start pose", pose.header.frame_id, BASE_FRAME)
    except ContractError as error:
        raise SessionError(f"/oda/reset: {error}") from error
    return Ready(pose_from_msg(pose.pose), stamp_ns(pose.header.stamp), result.robot_time_s)
