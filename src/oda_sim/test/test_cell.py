"""When commands count and how time passes in the simulated cell."""

import numpy as np
import pytest

from oda_core.types import TcpState
from oda_sim.cell import PHASES, RAMP_NS, STALE_NS, Cell
from oda_sim.connector import load_connector
from oda_sim.insertion import TICK_NS, InsertionSim

DOWN = np.array([0.0, 0.0, 0.01, 0.0, 0.0, 0.0])
PERIOD_NS = 100_000_000


class Log:
    """A cell and the states that it showed."""

    def __init__(self, lockstep: bool) -> None:
        self.states: list[TcpState] = []
        sim = InsertionSim(load_connector("round-peg-10"))
        self.cell = Cell(sim, lockstep=lockstep, on_tick=lambda: self.states.append(sim.state()))

    def reset(self, seed: int = 1) -> list[str]:
        self.cell.begin_reset(1e-3, seed)
        phases = []
        while self.cell.resetting:
            self.cell.tick()
            phases.append(self.cell.reset_phase())
        return phases

    @property
    def now(self) -> int:
        return self.cell.sim.time_ns


def test_lockstep_runs_one_period_for_the_command_of_the_newest_state_only() -> None:
    log = Log(lockstep=True)
    now = log.now
    for stamp, frame, twist, reason in (
        (now, "oda_base", DOWN, "found frame 'oda_base'"),
        (now, "oda_tcp", np.full(6, np.inf), "expected finite"),
        (now - TICK_NS, "oda_tcp", DOWN, "0.010 s before the newest state"),
        (now + TICK_NS, "oda_tcp", DOWN, "newest state"),
    ):
        assert reason in log.cell.command(stamp, frame, twist)
        assert log.now == now and not log.states
    assert log.cell.refused == 4
    assert log.cell.command(now, "oda_tcp", DOWN) == ""
    assert [s.stamp_ns for s in log.states] == [now + i * TICK_NS for i in range(1, 11)]
    assert log.cell.command(now, "oda_tcp", DOWN) == ""  # the same again
    assert log.now == now + PERIOD_NS and log.cell.refused == 4


def test_real_time_holds_a_command_then_ramps_it_to_rest() -> None:
    log = Log(lockstep=False)
    log.cell.command(log.now, "oda_tcp", DOWN)
    for _ in range(150):
        log.cell.tick()
    speeds = np.array([state.twist[2] for state in log.states])
    fresh, rest = (STALE_NS - RAMP_NS) // TICK_NS, STALE_NS // TICK_NS
    assert speeds[10:fresh].min() > 0.008 and np.abs(speeds[-15:]).max() < 5e-4
    assert np.abs(speeds[rest + 15 :]).max() < 1e-3  # the arm follows its set-point
    depth = np.array([state.pose.position[2] for state in log.states])
    assert depth[-1] == pytest.approx(depth[-10], abs=2e-5)
    assert "old" in log.cell.command(log.now - STALE_NS - 1, "oda_tcp", DOWN)
    assert log.cell.command(log.now - STALE_NS, "oda_tcp", DOWN) == ""


@pytest.mark.parametrize("lockstep", [True, False])
def test_a_reset_has_the_arm_and_ends_tared_at_the_start(lockstep: bool) -> None:
    log = Log(lockstep)
    log.cell.sim.apply(DOWN)
    log.cell.sim.step(8 * PERIOD_NS)
    phases = log.reset()
    assert phases[0] == "retract" and phases == sorted(phases, key=PHASES.index)
    end = log.cell.reset_end
    assert end is not None and end.success and end.robot_time_s > 0.5
    assert log.states[-1].stamp_ns == log.now and np.abs(log.states[-1].wrench[:3]).max() < 1.0
    stamps = [state.stamp_ns for state in log.states]
    assert stamps == sorted(set(stamps))
    log.cell.begin_reset(1e-3, 2)
    assert log.cell.command(log.now, "oda_tcp", DOWN) == "" and log.cell.resetting


@pytest.mark.parametrize("late", [0, 3, 300])
def test_rest_commanded_in_a_reset_changes_nothing_however_late_it_comes(late: int) -> None:
    """As the arbiter commands it while it idles: for states that time has passed."""
    silent, told, rest = Log(lockstep=True), Log(lockstep=True), np.zeros(6)
    silent.reset()
    told.cell.begin_reset(1e-3, 1)
    passed: list[int] = []
    while told.cell.resetting:
        before = told.now
        told.cell.tick()
        passed += [before] if before < told.now else []
        if len(passed) > late:
            assert told.cell.command(passed[-1 - late], "oda_tcp", rest) == ""
    assert [told.cell.command(stamp, "oda_tcp", rest) for stamp in passed] == [""] * len(passed)
    assert told.cell.refused == 0 and told.now == silent.now
    for a, b in zip(told.states, silent.states, strict=True):
        assert np.array_equal(np.concatenate(a.pose), np.concatenate(b.pose))
    assert told.cell.command(told.now, "oda_tcp", DOWN) == ""
    assert told.now == silent.now + PERIOD_NS


def pressed() -> Log:
    """An arm in real time that presses on something."""
    log = Log(lockstep=False)
    for _ in range(40):
        log.cell.command(log.now, "oda_tcp", 2 * DOWN)
        for _ in range(10):
            log.cell.tick()
    return log


def test_recovery_lets_go_of_what_the_arm_was_pressed_against() -> None:
    log = pressed()
    assert np.linalg.norm(log.states[-1].wrench[:3]) > 20
    log.cell.stop("stopped")
    log.cell.recover()
    for _ in range(50):
        log.cell.tick()
    assert np.linalg.norm(log.states[-1].wrench[:3]) < 5
    assert np.abs(log.states[-1].twist[:3]).max() < 1e-3


def test_a_command_after_a_pause_begins_where_the_arm_is() -> None:
    log = pressed()
    for _ in range(30):
        log.cell.tick()
    assert np.linalg.norm(log.states[-1].wrench[:3]) > 20  # it presses on through the pause
    log.cell.command(log.now, "oda_tcp", np.zeros(6))
    for _ in range(20):
        log.cell.tick()
    assert np.linalg.norm(log.states[-1].wrench[:3]) > 20  # rest is no motion
    log.cell.command(log.now, "oda_tcp", 1e-3 * DOWN)
    for _ in range(20):
        log.cell.tick()
    assert np.linalg.norm(log.states[-1].wrench[:3]) < 5


def test_a_stopped_reset_says_why_and_holds() -> None:
    log = Log(lockstep=False)
    log.cell.sim.apply(DOWN)
    log.cell.sim.step(5 * PERIOD_NS)
    log.cell.begin_reset(1e-3, 1)
    for _ in range(5):
        log.cell.tick()
    log.cell.stop("cancelled")
    assert log.cell.reset_end is not None and not log.cell.reset_end.success
    assert log.cell.reset_end.message == "cancelled" and not log.cell.resetting
    for _ in range(150):
        log.cell.tick()
    assert np.abs(log.states[-1].twist[:3]).max() < 5e-4


def test_the_width_of_the_start_noise_scales_it() -> None:
    log = Log(lockstep=True)
    starts = []
    for width in (0.0, 1e-3, 2e-3):
        log.cell.begin_reset(width, 4)
        while log.cell.resetting:
            log.cell.tick()
        starts.append(log.cell.sim.start_pose.position)
    one, two = starts[1] - starts[0], starts[2] - starts[0]
    assert np.linalg.norm(one) > 1e-4
    np.testing.assert_allclose(two, 2 * one, atol=2e-5)
