"""Algorithm 2 on live nodes: the action server /oda/adapt, owner of the session's episodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from oda_core.errors import OdaError, SessionError
from oda_core.ros.main import main as run_main
from oda_core.ros.marks import serve_marks
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.types import EpisodeEvent, Event
from oda_msgs.action import Adapt
from oda_msgs.srv import BeginSession
from oda_policy.adapt import AdaptMachine, Outcome, Phase
from oda_policy.config import AdaptConfig
from oda_policy.evaluate import EpisodeRequest
from oda_policy.report import final_rate
from oda_policy.ros.reporting import report_session
from oda_policy.ros.robot import Ready, ResetFailedError, Robot
from oda_policy.ros.session import Session
from oda_policy.ros.settings import part, with_defaults
from oda_policy.ros.trainer import Trainer
from oda_policy.ros.waiting import Waiter

OF_GOAL = (
    "initial_trials",
    "final_trials",
    "max_training_episodes",
    "max_robot_minutes",
    "seed",
)  # fields of AdaptConfig that the goal carries
ATTEMPTS = 3  # at a reset that fails, and at an episode that the trainer refuses to store
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class AdaptSettings:
    """Own parameters of the adapt node; those of AdaptConfig that no goal carries stand beside."""

    preset: str = setting("best", "preset of the learner, for the report")
    start_noise_m: float = setting(
        0.001, "half width of the hidden uniform start noise per axis [m]", bounds=(0.0, 0.01)
    )
    ready_s: float = setting(30.0, "wall time to wait for the other nodes [s]", bounds=(0.1, 600.0))
    silence_s: float = setting(
        15.0, "wall time without a message that ends an episode with ABORT [s]", bounds=(0.5, 600.0)
    )
    reset_s: float = setting(
        120.0, "wall time that a reset motion may take [s]", bounds=(1.0, 3600.0)
    )


class CancelledError(SessionError):
    """The client cancelled the goal."""


class AdaptNode(Node):
    """Runs one adaptation at a time; everything that it counts is on disk first."""

    def __init__(self) -> None:
        super().__init__("adapt")
        self.settings = declare(self, with_defaults(AdaptSettings, AdaptConfig(), without=OF_GOAL))
        s = self.settings
        self._robot = Robot(self, TaskSpec(), s.silence_s, s.reset_s)
        serve_marks(self, self._robot.mark)
        self._trainer = Trainer(self, s.silence_s)
        self._goal: Any = None
        self._waiter = Waiter(self._check)
        self._server = ActionServer(
            self,
            Adapt,
            "/oda/adapt",
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.1, lambda: None, clock=steady)  # to see limits while nothing comes
        self.get_logger().info("ready; waits for a goal on /oda/adapt")

    def close(self) -> None:
        """Stop the policy; the session can be resumed."""
        self._robot.abort("the adapt node was stopped")

    def _on_goal(self, goal: Adapt.Goal) -> GoalResponse:
        if self._goal is not None or not goal.output or not goal.connector:
            self.get_logger().error("goal refused: one runs already, or it names no output")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _check(self) -> None:
        if self._goal.is_cancel_requested:
            raise CancelledError("cancelled; the session can be resumed")
        self._robot.check_safety()

    async def _execute(self, handle: Any) -> Adapt.Result:
        self._goal, result = handle, Adapt.Result()
        try:
            result = await self._adapt(handle.request)
            handle.succeed()
        except (OdaError, OSError) as error:
            self._robot.abort(str(error))
            result.message = str(error)
            self.get_logger().error(result.message)
            (handle.canceled if isinstance(error, CancelledError) else handle.abort)()
        finally:
            self._goal = None
        return result

    async def _adapt(self, goal: Adapt.Goal) -> Adapt.Result:
        session = Session(Path(goal.output), goal.connector, self._config(goal))
        try:
            await self._begin(session, goal)
            while (request := session.machine.next_request()) is not None:
                await self._episode(session, request)
        except OdaError as error:
            self._report_stopped(session, str(error))
            raise
        finally:
            session.add_wall_time()
        return await self._report(session)

    def _config(self, goal: Adapt.Goal) -> AdaptConfig:
        return part(
            AdaptConfig,
            self.settings,
            "goal of /oda/adapt",
            initial_trials=goal.trials,
            final_trials=goal.trials,
            max_training_episodes=goal.max_training_episodes,
            max_robot_minutes=goal.max_robot_minutes,
            seed=goal.seed,
        )

    async def _begin(self, session: Session, goal: Adapt.Goal) -> None:
        """Wait for the graph, then agree with the trainer on what was done."""
        self._feedback(session.machine, None)
        await self._waiter.until(
            lambda: not self._missing(),
            self.settings.ready_s,
            self._not_ready,
        )
        request = BeginSession.Request(
            session=session.name,
            session_dir=str(session.directory),
            connector=goal.connector,
            demonstrations=goal.demonstrations,
            seed=goal.seed,
        )
        response = await self._trainer.begin(request, self._waiter)
        session.reconcile(response.episodes_stored, response.last_episode_id)
        session.machine.encoded()

    def _not_ready(self) -> str:
        missing = ", ".join(self._missing())
        return f"not ready after {self.settings.ready_s:g} s; missing: {missing}"

    def _missing(self) -> list[str]:
        return self._robot.missing() + self._trainer.missing()

    async def _episode(self, session: Session, request: EpisodeRequest) -> None:
        """Run the requested episode until the trainer has stored it."""
        robot_time_s, refusal = 0.0, ""
        for _ in range(ATTEMPTS):
            start, reset_s = await self._start_of(request)
            end = await self._robot.run(start, self._waiter)
            robot_time_s += reset_s + (end.stamp_ns - start.stamp_ns) / SECOND_NS
            outcome = Outcome(
                episode_id=end.episode_id,
                event=end.event,
                steps=end.steps,
                robot_time_s=robot_time_s,
                peak_force_n=end.peak_force_n,
                assisted=self._robot.assisted,
            )
            session.announce(outcome)
            self._robot.publish_end(end)
            refusal = await self._trainer.stored(start, self._waiter)
            if not refusal:
                phase = session.machine.phase
                session.commit(outcome)
                self._feedback(session.machine, outcome, phase)
                return
            self.get_logger().warning(f"{refusal}; running it again")
        raise SessionError(f"{refusal}, {ATTEMPTS} times in a row")

    async def _start_of(self, request: EpisodeRequest) -> tuple[EpisodeEvent, float]:
        """Reset while the trainer learns; START event and robot time of the reset [s]."""
        ready, reset_s = await self._reset(request)
        await self._trainer.version(request.policy_version, self._waiter)
        start = EpisodeEvent(
            **vars(request),
            stamp_ns=ready.stamp_ns,
            event=Event.START,
            start_pose=ready.pose,
            max_steps=TaskSpec().max_steps,
        )
        return start, reset_s

    async def _reset(self, request: EpisodeRequest) -> tuple[Ready, float]:
        """Reset, again if it fails; the start and the robot time of all attempts [s]."""
        asked = (request.connector, request.seed, self.settings.start_noise_m, self._waiter)
        spent_s = 0.0
        for _ in range(ATTEMPTS - 1):
            try:
                ready = await self._robot.reset(*asked)
                return ready, spent_s + ready.robot_time_s
            except ResetFailedError as error:
                spent_s += error.robot_time_s
                self.get_logger().warning(f"{error}; trying again")
        ready = await self._robot.reset(*asked)
        return ready, spent_s + ready.robot_time_s

    def _feedback(
        self, machine: AdaptMachine, outcome: Outcome | None, phase: Phase = Phase.ENCODE
    ) -> None:
        rate = machine.rate(phase)
        feedback = Adapt.Feedback(phase=phase.value, robot_time_s=float(machine.robot_time_s))
        feedback.successes, feedback.episodes = rate.successes, rate.trials
        if outcome is not None:
            feedback.episode_id = outcome.episode_id
            feedback.episode_success = outcome.success
            feedback.policy_version = machine.progress.outcomes[-1].policy_version
        self._goal.publish_feedback(feedback)

    def _report_stopped(self, session: Session, reason: str) -> None:
        """Report what was done before the session stopped; it can be resumed all the same."""
        if session.machine.progress.outcomes:
            session.machine.progress.reason = reason
            report_session(session, self._trainer.updates, {"session": str(session.directory)})

    async def _report(self, session: Session) -> Adapt.Result:
        """Write the report, once everything stored has been learned."""
        machine = session.machine
        await self._trainer.version(machine.training_episodes, self._waiter)
        paths = {"session": str(session.directory)}
        report, json_path, html_path = report_session(session, self._trainer.updates, paths)
        initial, final = machine.rate(Phase.EVALUATE_INITIAL), final_rate(machine)
        self.get_logger().info(f"{report['verdict']} {html_path}")
        return Adapt.Result(
            success=machine.phase is Phase.DONE,
            message=report["verdict"],
            report_json=str(json_path),
            report_html=str(html_path),
            initial_successes=initial.successes,
            initial_trials=initial.trials,
            final_successes=final.successes,
            final_trials=final.trials,
            training_episodes=machine.training_episodes,
            robot_time_s=float(machine.robot_time_s),
        )


def main() -> None:
    """Entry point of `ros2 run oda_policy adapt_node`."""
    run_main(AdaptNode)
