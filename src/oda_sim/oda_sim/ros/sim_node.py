"""The simulated robot behind the robot contract: state and clock out, commands and resets in."""

import time
from dataclasses import dataclass

from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.messages import header, pose_to_msg, stamp_ns, twist_from_msg
from oda_core.ros import qos
from oda_core.ros.diagnostics import OK, WARN, Diagnostics
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare, watch
from oda_core.ros.types import rclpy_class
from oda_core.settings import setting
from oda_core.types import BASE_FRAME
from oda_msgs.action import Reset
from oda_msgs.msg import SafetyState
from oda_sim.cell import Cell
from oda_sim.connector import load_connector
from oda_sim.drive import check_drive
from oda_sim.insertion import TICK_NS, InsertionSim
from oda_sim.ros.publishers import CellPublishers
from oda_sim.ros.window import Window

REPEAT_S = 0.2
SLICE = 10  # ticks of a reset motion between looks at the topics
FEEDBACK_S = 0.1
LOCKSTEP_CLOCK_NS = 50_000_000  # every clock message costs every node
LAG_S = 0.2  # behind real time that is given up


@dataclass(frozen=True, kw_only=True)
class SimParameters:
    """Parameters of the node."""

    connector: str = setting("round-peg-10", "Name of a connector, or path of its YAML file")
    seed: int = setting(0, "Seed of the sensor noise before the first reset", bounds=(0, 2**62))
    lockstep: bool = setting(False, "Stand still until the command for the newest state comes")
    realtime_factor: float = setting(
        1.0, "Simulated seconds per second, without lock-step", bounds=(0.01, 50.0), mutable=True
    )
    headless: bool = setting(True, "Do not open a window")
    serves_reset: bool = setting(
        True, "Serve /oda/reset; false: the reset node moves the arm back, as on the robot"
    )
    drive: str = setting(
        "native", "What moves the arm: native actuators, or torque, the robot's own control law"
    )


class SimNode(Node):
    """One cell with one connector."""

    def __init__(self) -> None:
        """Build the cell, then its topics."""
        super().__init__("sim")
        settings = declare(self, SimParameters)
        connector, drive = load_connector(settings.connector), check_drive(settings.drive)
        sim = InsertionSim(connector, settings.seed, drive)
        self._outputs = CellPublishers(
            self, sim, LOCKSTEP_CLOCK_NS if settings.lockstep else TICK_NS
        )
        self.cell = Cell(sim, lockstep=settings.lockstep, on_tick=self._on_tick)
        self._pace = Pace(settings.realtime_factor)
        self._goal: ServerGoalHandle | None = None
        self._ended = Future()
        self._feedback_s = 0.0
        self._published = time.monotonic()
        self._diagnostics = Diagnostics(self)
        self._stopped = ""  # by the arbiter, why
        watch(self, settings, self._change)
        self._open(settings)
        self._window = None if settings.headless else Window(self, sim)
        mode = "lock-step" if settings.lockstep else f"{settings.realtime_factor} x real time"
        self.get_logger().info(f"{sim.connector.name} is mounted; {mode}")

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def _open(self, settings: SimParameters) -> None:
        self.create_subscription(TwistStamped, topics.COMMAND, self._on_command, qos.COMMAND)
        self.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.LATCHED)
        self.create_service(Trigger, topics.TARE, self._on_tare)
        if settings.serves_reset:
            ActionServer(
                self, Reset, topics.RESET, self._on_reset,
                cancel_callback=lambda _: CancelResponse.ACCEPT,
            )  # fmt: skip
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        lockstep = self.cell.lockstep
        advance = self._advance_reset if lockstep else self._advance_time
        period_s = 0.0 if lockstep else self._pace.tick_s
        self._driver = self.create_timer(period_s, advance, clock=steady, autostart=not lockstep)
        self.create_timer(REPEAT_S / 2, self._repeat, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)

    def _change(self, settings: SimParameters) -> None:
        self._pace.change(settings.realtime_factor)
        if not self.cell.lockstep:
            self._driver.timer_period_ns = round(self._pace.tick_s * 1e9)

    def _on_tick(self) -> None:
        self._outputs.publish()
        self._published = time.monotonic()

    def _on_command(self, msg: TwistStamped) -> None:
        if self._stopped:
            return  # what ramps down was stopped already
        refusal = self.cell.command(
            stamp_ns(msg.header.stamp), msg.header.frame_id, twist_from_msg(msg.twist)
        )
        if refusal:
            self.get_logger().warning(f"refused command: {refusal}", throttle_duration_sec=1.0)

    def _on_safety(self, msg: SafetyState) -> None:
        was_stopped = self._stopped
        self._stopped = msg.reason if msg.state == SafetyState.STATE_ABORT else ""
        if was_stopped and not self._stopped:
            self.cell.recover()
        if self._stopped:
            self.cell.stop(f"stopped by the arbiter: {self._stopped}")
            self._finish_reset()

    def _on_tare(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = not self.cell.resetting
        response.message = "tared" if response.success else "a reset motion runs and will tare"
        if response.success:
            self.cell.sim.tare()
        return response

    async def _on_reset(self, goal: ServerGoalHandle) -> Reset.Result:
        request: Reset.Goal = goal.request
        mounted = self.cell.sim.connector.name
        if request.connector not in ("", mounted):
            return self._refuse(goal, f"found {mounted} mounted, expected {request.connector}")
        if self._stopped:
            return self._refuse(goal, f"stopped by the arbiter ({self._stopped}): /oda/start first")
        if self.cell.resetting or self._goal is not None:
            return self._refuse(goal, "a reset motion runs already; wait for it or cancel it")
        self._goal, self._ended, self._feedback_s = goal, Future(), 0.0
        self.cell.begin_reset(request.start_noise_m, request.seed)
        self._driver.reset()
        await self._ended
        self._goal = None
        return self._result(goal)

    def _refuse(self, goal: ServerGoalHandle, message: str) -> Reset.Result:
        goal.abort()
        self.get_logger().error(f"reset refused: {message}")
        return Reset.Result(success=False, message=message)

    def _result(self, goal: ServerGoalHandle) -> Reset.Result:
        end, state = self.cell.reset_end, self._outputs.state
        result = Reset.Result(
            success=end.success, message=end.message, robot_time_s=end.robot_time_s
        )
        result.start_pose.header = header(state.stamp_ns, BASE_FRAME, rclpy_class)
        result.start_pose.pose = pose_to_msg(state.pose, rclpy_class)
        if end.success:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
            self.get_logger().error(f"reset failed: {end.message}")
        return result

    def _advance_reset(self) -> None:
        """Lock-step: a slice of the reset motion, as fast as it goes."""
        for _ in range(SLICE):
            if self.cell.resetting:
                self._tick()
        if not self.cell.resetting:
            self._driver.cancel()

    def _advance_time(self) -> None:
        """Real time: the ticks that are due."""
        for _ in range(self._pace.due()):
            self._tick()

    def _tick(self) -> None:
        goal, cell = self._goal, self.cell
        if goal is not None and goal.is_cancel_requested and cell.resetting:
            cell.stop("cancelled")
        cell.tick()
        if goal is not None and cell.resetting and cell.reset_time_s >= self._feedback_s:
            self._feedback_s = cell.reset_time_s + FEEDBACK_S
            self._tell(goal, cell.reset_phase())
        self._finish_reset()

    def _finish_reset(self) -> None:
        if self._goal is not None and not self.cell.resetting and not self._ended.done():
            self._tell(self._goal, "tare")
            self._ended.set_result(None)

    def _tell(self, goal: ServerGoalHandle, phase: str) -> None:
        feedback = Reset.Feedback(phase=phase, robot_time_s=self.cell.reset_time_s)
        goal.publish_feedback(feedback)

    def _repeat(self) -> None:
        """Best-effort topics lose messages, and late subscribers have none: say it again."""
        if time.monotonic() - self._published >= REPEAT_S:
            self._outputs.repeat()
            self._published = time.monotonic()

    def _diagnose(self) -> None:
        self._outputs.look_for_listeners()
        late = self._pace.late
        self._diagnostics.publish(
            WARN if late else OK,
            f"{late} ticks late: the machine is too slow for the realtime_factor" if late else "",
            refused=self.cell.refused, resetting=self.cell.resetting,
            time_s=self.cell.sim.time_ns * 1e-9,
        )  # fmt: skip
        self._pace.late = 0


class Pace:
    """How many ticks are due on the steady clock.

    Attributes:
        late: ticks that were given up since someone last looked.
    """

    def __init__(self, factor: float) -> None:
        """Start now."""
        self.late = 0
        self.change(factor)

    def change(self, factor: float) -> None:
        """Go on with another realtime factor."""
        self.tick_s = TICK_NS * 1e-9 / factor
        self._next = time.monotonic()

    def due(self) -> int:
        """Ticks to run now."""
        count = max(0, int((time.monotonic() - self._next) / self.tick_s) + 1)
        self._next += count * self.tick_s
        most = max(1, int(LAG_S / self.tick_s))
        self.late += max(0, count - most)
        return min(count, most)


def main() -> None:
    """Entry point."""
    run_node(SimNode)
