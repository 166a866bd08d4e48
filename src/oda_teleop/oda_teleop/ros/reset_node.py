"""Brings a robot back to the start of an episode: /oda/reset where no simulation serves it.

It commands twists like a policy or a person does, and the arbiter limits them in the same way.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.errors import ContractError, JammedError
from oda_core.homing import Motion, Start, draw_start_noise, return_to_start
from oda_core.messages import header, pose_to_msg, twist_stamped
from oda_core.ros import qos
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.ros.states import StateBuffer
from oda_core.ros.types import rclpy_class
from oda_core.se3 import Pose, quat_conjugate, quat_rotate
from oda_core.settings import setting
from oda_core.types import BASE_FRAME, TcpState
from oda_msgs.action import Reset
from oda_msgs.msg import SafetyState
from oda_msgs.msg import TcpState as TcpStateMsg

FREE_M = 0.0  # at the height of the start the plug is out of the socket
PAUSE_NS = 500_000_000  # the next command puts the set-point on the measured pose (docs/safety.md)
WATCH_S = 0.05
SILENT_S = 0.25  # without a state, or without a word of the arbiter
PATIENCE_S = 5.0  # for what a reset needs, at its beginning
TARE_S = 2.0  # for the answer of /oda/tare
WINDOW_NS = 150_000_000  # until the mean of 100 ms is of tared wrenches only
FEEDBACK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class ResetParameters:
    """Parameters of the node."""

    connector: str = setting("", "Name of the mounted connector; empty: whatever is mounted")
    start: Start = field(default_factory=Start)
    motion: Motion = field(default_factory=Motion)


class ResetNode(Node):
    """One reset at a time: motion, tare, result."""

    def __init__(self) -> None:
        """Declare parameters, topics and the action."""
        super().__init__("reset")
        self._settings = declare(self, ResetParameters)
        self._start = self._settings.start.pose
        self._states = StateBuffer()
        self._heard_s = self._spoke_s = -SILENT_S  # monotonic, of state and arbiter
        self._safety = SafetyState()
        self._goal: ServerGoalHandle | None = None
        self._ended = Future()
        self._noise = np.zeros(3)
        self._asked_s = 0.0  # monotonic, of the goal
        self._motion: Iterator[tuple[str, np.ndarray]] | None = None
        self._began_ns = self._due_ns = self._told_ns = self._tared_ns = 0
        self._tare_asked_s: float | None = None  # monotonic
        self._twist = self.create_publisher(TwistStamped, topics.RESET_TWIST, qos.COMMAND)
        self._tare = self.create_client(Trigger, topics.TARE)
        self.create_subscription(TcpStateMsg, topics.STATE, self._on_state, qos.STATE, raw=True)
        self.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.EVENTS)
        ActionServer(
            self, Reset, topics.RESET, self._on_reset,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )  # fmt: skip
        self.create_timer(WATCH_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    async def _on_reset(self, goal: ServerGoalHandle) -> Reset.Result:
        request: Reset.Goal = goal.request
        fault = self._fault(request.connector)
        if fault:
            goal.abort()
            self.get_logger().error(f"reset refused: {fault}")
            return Reset.Result(success=False, message=fault)
        self._noise = draw_start_noise(request.seed, request.start_noise_m)
        self._goal, self._ended, self._asked_s = goal, Future(), time.monotonic()
        self._motion, self._tare_asked_s, self._began_ns, self._tared_ns = None, None, 0, 0
        message: str = await self._ended
        return self._result(goal, message)

    def _fault(self, connector: str) -> str:
        """Why a goal is refused at once; empty if it is not."""
        mounted = self._settings.connector
        if connector and mounted and connector != mounted:
            return f"found {mounted} mounted, expected {connector}"
        if self._goal is not None:
            return "a reset motion runs already; wait for it or cancel it"
        return self._held()

    def _missing(self) -> str:
        """What has fallen silent or is not there; empty if nothing."""
        now_s = time.monotonic()
        if now_s - self._heard_s > SILENT_S:
            return f"no {topics.STATE} for {SILENT_S} s; is the robot running?"
        if now_s - self._spoke_s > SILENT_S:
            return f"no {topics.SAFETY} for {SILENT_S} s; is the arbiter running?"
        if not self._tare.service_is_ready():
            return f"nobody serves {topics.TARE}; is the robot running?"
        return ""

    def _held(self) -> str:
        """The arbiter lets nothing pass that no hand commands; empty if it does."""
        safety, by_hand = self._safety, self._safety.source == SafetyState.SOURCE_HUMAN
        if safety.state == SafetyState.STATE_ABORT:
            return f"stopped by the arbiter ({safety.reason}): {topics.START} first"
        if safety.state == SafetyState.STATE_HOLD and not by_hand:
            return f"held by the arbiter ({safety.reason})"
        return ""

    def _on_safety(self, msg: SafetyState) -> None:
        self._safety, self._spoke_s = msg, time.monotonic()
        if self._goal is not None and (held := self._held()):
            self._end(self._missing() or held)

    def _on_state(self, cdr: bytes) -> None:
        stamp_ns, self._heard_s = self._states.add(cdr), time.monotonic()
        if not self._began_ns or stamp_ns < self._due_ns:
            return
        self._due_ns = stamp_ns + round(self._settings.motion.period_s * 1e9)
        if self._tared_ns:
            if stamp_ns - self._tared_ns >= WINDOW_NS:
                self._end("")
        elif self._motion is not None:
            self._advance(self._motion, stamp_ns)

    def _advance(self, motion: Iterator[tuple[str, np.ndarray]], stamp_ns: int) -> None:
        try:
            phase, velocity = next(motion, ("tare", np.zeros(6)))
        except (JammedError, ContractError) as error:
            self._end(str(error))
            return
        self._command(stamp_ns, velocity)
        self._tell(phase, stamp_ns)
        if phase == "tare":
            self._motion, self._tare_asked_s = None, time.monotonic()
            self._tare.call_async(Trigger.Request()).add_done_callback(self._on_tared)

    def _on_tared(self, answer: Future) -> None:
        if self._goal is None:
            return
        response: Trigger.Response = answer.result()
        self._tare_asked_s, self._tared_ns = None, self._states.newest_ns or 0
        if not response.success:
            self._end(f"{topics.TARE}: {response.message}")

    def _watch(self) -> None:
        """What no state tells: that none comes, a tare without an answer, a cancelled goal."""
        if self._goal is None:
            return
        now_s, missing = time.monotonic(), self._missing()
        if self._goal.is_cancel_requested:
            self._end("cancelled")
        elif missing and (self._began_ns or now_s - self._asked_s > PATIENCE_S):
            self._end(missing)
        elif not missing and not self._began_ns:
            self._begin()
        elif self._tare_asked_s is not None and now_s - self._tare_asked_s > TARE_S:
            self._end(f"{topics.TARE}: no answer within {TARE_S} s")

    def _begin(self) -> None:
        self._began_ns = self._told_ns = self._states.newest_ns or 0
        self._due_ns = self._began_ns + PAUSE_NS
        self._motion = return_to_start(self._sense, self._settings.motion, FREE_M, self._noise)

    def _sense(self) -> Pose:
        return self._newest().pose.relative_to(self._start)

    def _newest(self) -> TcpState:
        state = self._states.newest()
        if state is None:
            raise ContractError(f"no {topics.STATE} yet")
        return state

    def _command(self, stamp_ns: int, velocity: np.ndarray) -> None:
        """Publish a velocity (6,) of the start frame as a twist of the TCP, in its own frame."""
        into_tcp = quat_conjugate(self._sense().quaternion)
        twist = np.concatenate([quat_rotate(into_tcp, part) for part in np.split(velocity, 2)])
        self._twist.publish(twist_stamped(stamp_ns, twist, rclpy_class))

    def _tell(self, phase: str, stamp_ns: int) -> None:
        if stamp_ns - self._told_ns >= FEEDBACK_S * 1e9 and self._goal is not None:
            self._told_ns = stamp_ns
            elapsed_s = (stamp_ns - self._began_ns) * 1e-9
            self._goal.publish_feedback(Reset.Feedback(phase=phase, robot_time_s=elapsed_s))

    def _end(self, message: str) -> None:
        """End the reset, without success if there is a message; the arm rests from now on."""
        if message and self._began_ns:
            at_ns = self._states.newest_ns or 0
            self._twist.publish(twist_stamped(at_ns, np.zeros(6), rclpy_class))
        self._goal = self._motion = self._tare_asked_s = None
        self._ended.set_result(message)

    def _result(self, goal: ServerGoalHandle, message: str) -> Reset.Result:
        moved_ns = (self._states.newest_ns or 0) - self._began_ns if self._began_ns else 0
        elapsed_s = moved_ns * 1e-9
        result = Reset.Result(success=not message, message=message, robot_time_s=elapsed_s)
        if not message:
            state = self._newest()
            result.start_pose.header = header(state.stamp_ns, BASE_FRAME, rclpy_class)
            result.start_pose.pose = pose_to_msg(state.pose, rclpy_class)
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
            self.get_logger().error(f"reset failed: {message}")
        return result


def main() -> None:
    """Entry point."""
    run_node(ResetNode)
