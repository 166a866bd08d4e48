"""The same faults without processes or wall time: cell, arbiter and a pushing policy, tick by tick.

Everything that decides is what the nodes use; only the wires between them are missing. A trial
depends on its seed alone, however busy the machine is.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.serialization import deserialize_message, serialize_message

from oda_bringup.faults.catalogue import Fault
from oda_bringup.faults.judge import Seen, Shown, Verdict, judge
from oda_bringup.faults.rig import FORCE_N, HEADROOM_M, PUSH
from oda_bringup.faults.tampering import Tamper, pass_on
from oda_core.homing import START
from oda_core.messages import stamp_ns, twist_from_msg, twist_stamped
from oda_core.ros.types import rclpy_class
from oda_core.spec import TaskSpec
from oda_core.stepper import Stepper
from oda_core.types import TCP_FRAME, EpisodeEvent, Event, Purpose, Source, StepData, TcpState
from oda_core.wire import decode_state, encode_state
from oda_policy.ros.collector import Collector
from oda_policy.ros.soundness import Soundness
from oda_policy.ros.store import EpisodeStore
from oda_sim.cell import Cell
from oda_sim.connector import Connector
from oda_sim.insertion import TICK_NS, InsertionSim
from oda_teleop.arbiter import OVERSHOOT, Arbiter
from oda_teleop.commands import ArbiterConfig, Executed, Request, Safety
from oda_teleop.limits import Limits

NS = 1_000_000_000
WATCH_TICKS = 2
BACK = np.array([0.0, 0.0, -0.01, 0.0, 0.0, 0.0])
PUSHING = np.array([0.0, 0.0, 0.02 * PUSH, 0.0, 0.0, 0.0])
OVERLOAD_N, JUMP_NS, HUMAN_NS = 50.0, 10 * NS, NS
OBSERVED_NS, AFTERWARDS_NS = 2 * NS, 3 * NS // 2
NODES = ("policy", "arbiter", "adapt")


def can_run(fault: Fault) -> bool:
    """Whether a fault is of something that is there without processes."""
    return fault.special != "network" and fault.kill != "trainer" and fault.stream != "weights"


def run_in_process(fault: Fault, connector: Connector, seed: int, session: Path) -> Verdict:
    """One trial.

    Args:
        fault: that can_run.
        connector: into which a straight push does not insert.
        seed: of start noise, sensor noise and the time of the fault.
        session: directory for what is stored.
    """
    table = Table(fault, connector, seed, session)
    chance = np.random.default_rng([seed, len(fault.name)])
    table.run_until(table.began_ns + round(chance.uniform(0.1, 1.2) * NS))
    if fault.special in ("overload", "human"):
        wanted_n = OVERLOAD_N if fault.special == "overload" else OVERLOAD_N / 2
        while table.force() < wanted_n:
            table.tick()
    table.inject()
    table.run_until(table.seen.fault_ns + OBSERVED_NS)
    table.mend()
    table.run_until(table.seen.cleared_ns + AFTERWARDS_NS)
    table.end()
    return judge(fault, table.seen, session)


class Table:
    """One episode of a policy that pushes; every tick is 10 ms of all clocks."""

    def __init__(self, fault: Fault, connector: Connector, seed: int, session: Path) -> None:
        """Stand at a start pose and begin the episode."""
        self.fault, self.dead = fault, set[str]()
        self.limits = Limits(
            force_n=OVERLOAD_N if fault.special == "overload" else FORCE_N,
            box_high_m=tuple((START.position + np.array([0.1, 0.1, HEADROOM_M])).tolist()),
        )
        self._sim = InsertionSim(connector, seed)
        self._sim.jump(np.random.default_rng(seed).uniform(-1e-3, 1e-3, 3), seed)
        self._cell = Cell(self._sim, lockstep=False, on_tick=lambda: None)
        self._arbiter = Arbiter(ArbiterConfig(), self.limits)
        self._stepper, self._soundness, self._collector = Stepper(), Soundness(), Collector("t")
        self._store = EpisodeStore(session / "trainer" / "episodes")
        self._tampers: dict[str, Tamper] = {}
        self._jump_ns, self._human_until_ns, self._acted_ns, self._ticks = 0, 0, 0, 0
        self._heard: TcpState | None = None  # newest state behind the tampering
        self._running, self._acts = True, True
        self.began_ns = self._sim.time_ns
        self._start = EpisodeEvent(
            stamp_ns=self.began_ns, session="t", episode_id=0, connector=connector.name,
            purpose=Purpose.TRAINING, event=Event.START, start_pose=self._sim.tcp_pose(),
            max_steps=TaskSpec().max_steps,
        )  # fmt: skip
        self.seen = Seen(
            force_limit_n=OVERSHOOT * self.limits.force_n,
            top_m=float(START.position[2] + HEADROOM_M), episodes=[self._start],
        )  # fmt: skip
        self._arbiter.episode(self._start)
        self._stepper.begin(self._start)
        self._collector.start(self._start)
        self._soundness.begin()

    @property
    def now_ns(self) -> int:
        """Simulated time."""
        return self._sim.time_ns

    def force(self) -> float:
        """Measured force [N]."""
        return float(np.linalg.norm(self._sim.state().wrench[:3]))

    def run_until(self, at_ns: int) -> None:
        """Tick until a time."""
        while self.now_ns < at_ns:
            self.tick()

    def inject(self) -> None:
        """Break what the fault breaks."""
        fault = self.fault
        self.seen.fault_ns = self.now_ns
        if fault.stream and fault.tamper:
            self._tampers[fault.stream] = fault.tamper()
        self.dead |= {fault.kill, fault.freeze} & set(NODES)
        if fault.special == "human":
            self._human_until_ns = self.now_ns + HUMAN_NS
        if fault.special == "clock":
            self._jump_ns = JUMP_NS

    def mend(self) -> None:
        """Take the cause away; who was killed begins anew."""
        self.seen.cleared_ns = self.now_ns
        self._tampers.clear()
        self.dead.clear()
        if self.fault.kill == "arbiter":
            self._arbiter = Arbiter(ArbiterConfig(), self.limits)

    def tick(self) -> None:
        """10 ms: the cell moves, its state is heard, the policy and the arbiter act."""
        self._cell.tick()
        self._ticks += 1
        state = self._sim.state()
        self.seen.states.append(state)
        for cdr in self._passed("state", encode_state(state)):
            self._on_state(decode_state(cdr))
        if self.now_ns < self._human_until_ns and self._ticks % 5 == 0:
            self._decide(self.now_ns, TCP_FRAME, BACK, Source.HUMAN)
        if self._ticks % WATCH_TICKS == 0 and "arbiter" not in self.dead:
            ros_ns, self._jump_ns = self.now_ns + self._jump_ns, 0
            self._execute(self._arbiter.watch(ros_ns, self.now_ns))
        self._own()

    def end(self) -> None:
        """A person ends the episode, if it still runs."""
        if self._running and self.fault.kill == "adapt":
            self.run_until(self.began_ns + 11 * NS)
        elif self._running:
            self._stepper.mark(Event.FAILURE)
            self._acts = False
            self.run_until(self.now_ns + NS // 5)
        self.run_until(self.now_ns + NS // 2)
        self.seen.ended_ns = self.now_ns

    def _passed(self, stream: str, cdr: bytes) -> list[bytes]:
        return self._tampers.get(stream, pass_on)(cdr)

    def _on_state(self, state: TcpState) -> None:
        self._heard = state
        if "arbiter" not in self.dead:
            self._execute(self._arbiter.measure(state, self.now_ns))
        if "policy" in self.dead:
            return
        self._step(lambda: self._stepper.on_state(state))
        due = self._acts and state.stamp_ns >= self._acted_ns + TaskSpec().period_ns
        if due and not self._stepper.done and self._stepper.steps < TaskSpec().max_steps:
            self._acted_ns = state.stamp_ns
            message = twist_stamped(state.stamp_ns, PUSHING, rclpy_class)
            for cdr in self._passed("twist", serialize_message(message)):
                twist = deserialize_message(cdr, TwistStamped)
                at_ns, frame = stamp_ns(twist.header.stamp), twist.header.frame_id
                self._decide(at_ns, frame, twist_from_msg(twist.twist), Source.POLICY)

    def _decide(self, at_ns: int, frame: str, twist: np.ndarray, source: Source) -> None:
        if "arbiter" not in self.dead:
            request = Request(stamp_ns=at_ns, frame=frame, twist=twist, source=source)
            self._execute(self._arbiter.command(request, self.now_ns, self.now_ns, self._heard))

    def _execute(self, executed: Executed | None) -> None:
        """The robot, the policy and the owner hear what the arbiter says."""
        arbiter, now_ns = self._arbiter, self.now_ns
        speed = float(np.abs(arbiter.executed.twist).max())
        self.seen.safety.append(Shown(now_ns, int(arbiter.state), arbiter.reason, speed))
        by_policy = arbiter.executed.source is Source.POLICY
        held = arbiter.state is Safety.HOLD and by_policy
        if self._running and "adapt" not in self.dead:
            self._soundness.hear(held, arbiter.refused, arbiter.reason)
        if held or arbiter.state is Safety.ABORT:
            self._acts = False
            self._stepper.forget()
        if arbiter.state is Safety.ABORT:
            self._cell.stop(arbiter.reason)
        elif executed is not None:
            self.seen.commands.append(Shown(now_ns, -1, "", speed))
            self._cell.command(executed.stamp_ns, TCP_FRAME, executed.twist)
            at_ns, twist, source = executed.stamp_ns, executed.twist, executed.source
            self._step(lambda: self._stepper.on_command(at_ns, twist, source))

    def _step(self, make: Callable[[], StepData | None]) -> None:
        step = None if "policy" in self.dead else make()
        if step is not None:
            self.seen.steps.append(step)
            self._collector.add_step(step)

    def _own(self) -> None:
        """What the episode's owner and the trainer do: end it, and store it if it is sound."""
        stopped = self._arbiter.state is Safety.ABORT
        if not self._running or "adapt" in self.dead or self.fault.kill == "adapt":
            return
        outcome = self._stepper.outcome
        silent = "arbiter" in self.dead and self.now_ns > self.seen.fault_ns + OBSERVED_NS - TICK_NS
        if self._soundness.fault or stopped or silent:
            self._finish(Event.ABORT, self._soundness.fault or "stopped")
        elif outcome is not None:
            episode = self._finish(outcome, "")
            stored = self._collector.add_end(episode)
            if stored is not None:
                self._store.put(stored)

    def _finish(self, event: Event, reason: str) -> EpisodeEvent:
        self._running = self._acts = False
        if self._stepper.start is None:
            self._stepper.begin(self._start)
        end = self._stepper.end(event, reason)
        self.seen.episodes.append(end)
        if "arbiter" not in self.dead:
            self._arbiter.episode(end)
        return end
