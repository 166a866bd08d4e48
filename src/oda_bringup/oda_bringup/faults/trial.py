"""One fault in one episode, from the START to what a person finds afterwards."""

import zlib
from pathlib import Path

import numpy as np

from oda_bringup.faults.catalogue import Fault
from oda_bringup.faults.desk import Desk
from oda_bringup.faults.hosts import Cable
from oda_bringup.faults.judge import Seen, Verdict, judge
from oda_bringup.faults.rig import FORCE_N, HEADROOM_M, Rig
from oda_core import topics
from oda_core.errors import SessionError
from oda_core.homing import START
from oda_core.ros.goals import SentGoal
from oda_core.types import Event
from oda_msgs.action import Adapt
from oda_msgs.msg import SafetyState
from oda_teleop.arbiter import OVERSHOOT

EARLIEST_S, LATEST_S = 0.1, 1.2  # after the first command: in free motion and in contact
OBSERVED_S = 2.0  # while the fault lasts
AFTERWARDS_S = 1.5  # after its cause is gone
READY_S = 240.0  # on a busy machine
EPISODE_S = 120.0
OVERLOAD_N = 50.0
STALLED_S = 0.1  # between states of 100 Hz: the machine did not do what real time needs
JUMP_S = 10.0
LAST_S = 1.0  # a reset that the session had begun comes to rest
HUMAN_S, HUMAN_PERIOD_S = 1.0, 0.05
BACK = np.array([0.0, 0.0, -0.01, 0.0, 0.0, 0.0])  # what the operator does in contact
STOPPED = (SafetyState.STATE_HOLD, SafetyState.STATE_ABORT)


class SpoiledError(SessionError):
    """The machine was too busy: something stopped the robot before the fault did."""


class Trial:
    """Runs one fault once."""

    def __init__(self, rig: Rig, desk: Desk, fault: Fault, cable: Cable | None) -> None:
        """Take what it needs; run() runs it."""
        self.rig, self.desk, self.fault, self.cable = rig, desk, fault, cable

    def run(self, session: Path, seed: int) -> Verdict:
        """Run an episode, break something at a random time, look, and judge.

        Raises:
            SpoiledError: the episode ended before the fault.
            SessionError: a node does not answer.
        """
        sent = self._begin(session, seed)
        chance = np.random.default_rng([seed, zlib.crc32(self.fault.name.encode())])
        wait_s = chance.uniform(EARLIEST_S, LATEST_S)
        self._wait_for_contact_or(wait_s)
        self.desk.seen.fault_ns = self.desk.now_ns
        self._break()
        self.desk.turn_for(OBSERVED_S)
        self._mend()
        self.desk.seen.cleared_ns = self.desk.now_ns
        self._wait_for_all()
        self.desk.turn_for(AFTERWARDS_S)
        self._end(sent, session)
        seen, self.desk.seen = self.desk.seen, Seen(states=self.desk.seen.states[-1:])
        verdict = judge(self.fault, seen, session)
        if not verdict.passed and seen.longest_gap_s > STALLED_S:
            raise SpoiledError(f"states stayed away for {seen.longest_gap_s:.2f} s of wall time")
        return verdict

    def _begin(self, session: Path, seed: int) -> SentGoal:
        """Recover as a person does, and wait until an episode moves."""
        desk, seen = self.desk, Seen()
        self._wait_for_all()
        desk.call(topics.START)
        limit_n = OVERLOAD_N if self.fault.special == "overload" else FORCE_N
        desk.limit_force(limit_n)
        seen.force_limit_n, seen.top_m = OVERSHOOT * limit_n, START.position[2] + HEADROOM_M
        seen.states = desk.seen.states[-1:]
        desk.seen = seen
        if self.fault.stream == "weights":
            self._break()
        inputs = self.rig.inputs
        sent = desk.adapt(
            Adapt.Goal(
                connector=inputs.connector, demonstrations=inputs.demonstrations,
                output=str(session), seed=seed, trials=1, max_training_episodes=1,
                max_robot_minutes=30.0,
            )
        )  # fmt: skip
        wanted = seen.episodes if self.fault.reaction == "never begins" else seen.commands
        desk.until(lambda: wanted or sent.ended(), "START of an episode", EPISODE_S)
        if not wanted:
            raise SpoiledError("the session ended before its first command")
        return sent

    def _wait_for_all(self) -> None:
        up = self.rig.is_up
        self.desk.until(lambda: all(map(up, self.rig.names)), "a node", READY_S)
        self.desk.wait_for_all(READY_S)

    def _wait_for_contact_or(self, seconds: float) -> None:
        desk, start_ns = self.desk, self.desk.now_ns
        wanted_n = {"overload": OVERLOAD_N, "human": OVERLOAD_N / 2}.get(self.fault.special, 0.0)
        due_ns = start_ns + (0 if self.fault.special == "overload" else seconds * 1e9)

        def stopped() -> bool:
            return bool(desk.seen.safety) and desk.seen.safety[-1].state in STOPPED

        desk.until(
            lambda: stopped() or (desk.now_ns >= due_ns and _force(desk) >= wanted_n),
            "time and contact",
            EPISODE_S,
        )
        if stopped():
            raise SpoiledError(f"stopped before the fault: {desk.seen.safety[-1].reason}")

    def _break(self) -> None:
        fault = self.fault
        if fault.stream and fault.tamper:
            self.desk.tampers[fault.stream] = fault.tamper()
        if fault.kill:
            self.rig.kill(fault.kill)
        if fault.freeze:
            self.rig.freeze(fault.freeze)
        if fault.special == "clock":
            self.desk.jump(JUMP_S)
        if fault.special == "human":
            for _ in range(round(HUMAN_S / HUMAN_PERIOD_S)):
                self.desk.steer(BACK)
                self.desk.turn_for(HUMAN_PERIOD_S)
        if self.cable and fault.special == "network":
            self.cable.cut()

    def _mend(self) -> None:
        fault = self.fault
        self.desk.tampers.clear()
        if fault.kill:
            self.rig.start(fault.kill)
        if fault.freeze:
            self.rig.wake(fault.freeze)
        if self.cable and fault.special == "network":
            self.cable.mend()

    def _end(self, sent: SentGoal, session: Path) -> None:
        """Let the episode end if it still runs, then the session."""
        desk, seen = self.desk, self.desk.seen
        if self.fault.reaction == "goes on" and self.fault.kill != "adapt":
            desk.call(topics.MARK_FAILURE)
            desk.until(lambda: seen.episodes[-1].event is not Event.START, "END", EPISODE_S)
        elif self.fault.kill == "adapt":
            desk.until(lambda: seen.safety[-1].state in STOPPED, "the time limit", EPISODE_S)
        if self.fault.kill != "adapt":
            self._end_session(sent, session)
        desk.turn_for(LAST_S)
        seen.ended_ns = desk.now_ns

    def _end_session(self, sent: SentGoal, session: Path) -> None:
        stored = session / "trainer" / "episodes"
        if self.fault.stored:
            self.desk.until(
                lambda: sent.ended() or any(stored.glob("[0-9]*")), "the episode", EPISODE_S
            )
        sent.cancel()
        self.desk.until(sent.ended, "end of the session", READY_S)


def _force(desk: Desk) -> float:
    return float(np.linalg.norm(desk.seen.states[-1].wrench[:3])) if desk.seen.states else 0.0
