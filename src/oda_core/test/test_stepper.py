"""Transitions are the same whatever the order of arrival, and exactly what was executed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oda_core.errors import ContractError
from oda_core.se3 import Pose, quat_from_rotvec
from oda_core.spec import TaskSpec, observe, to_action, to_twist
from oda_core.stepper import Stepper
from oda_core.types import (
    EpisodeEvent,
    Event,
    Purpose,
    Source,
    StepData,
    TcpState,
    episode_from_steps,
)

TICK = 100_000_000
STATE = 10_000_000
START = 5_000_000_000


def make_state(stamp_ns: int, inserted_ns: int | None = None) -> TcpState:
    rng = np.random.default_rng(stamp_ns // STATE)
    return TcpState(
        stamp_ns=stamp_ns,
        pose=Pose(rng.normal(size=3), quat_from_rotvec(rng.uniform(-1, 1, 3))),
        twist=rng.normal(size=6),
        wrench=rng.normal(size=6),
        inserted=inserted_ns is not None and stamp_ns >= inserted_ns,
    )


def start_event(max_steps: int = 80) -> EpisodeEvent:
    return EpisodeEvent(
        stamp_ns=START,
        session="s",
        episode_id=4,
        connector="peg",
        purpose=Purpose.TRAINING,
        event=Event.START,
        start_pose=make_state(START).pose,
        max_steps=max_steps,
        policy_version=7,
    )


def action(index: int) -> np.ndarray:
    return np.random.default_rng([index, 9]).uniform(-1, 1, 6).astype(np.float32)


def lockstep(ticks: int) -> list[tuple[str, int]]:
    """States and commands in the order in which a lock-step graph makes them."""
    rows = [("state", START)]
    for tick in range(ticks):
        rows.append(("command", tick))
        rows += [("state", START + tick * TICK + i * STATE) for i in range(1, 11)]
    return rows


def play(rows: list[tuple[str, int]], stepper: Stepper, inserted_ns: int | None) -> list[StepData]:
    made: list[StepData | None] = []
    for kind, value in rows:
        if kind == "state":
            made.append(stepper.on_state(make_state(value, inserted_ns)))
        else:
            twist = to_twist(action(value), stepper.spec)
            made.append(stepper.on_command(START + value * TICK, twist, Source.POLICY))
    return [step for step in made if step is not None]


def test_steps_are_what_was_seen_and_executed() -> None:
    stepper, inserted_ns = Stepper(), START + 4 * TICK
    stepper.begin(start_event())
    steps = play(lockstep(6), stepper, inserted_ns)
    episode = episode_from_steps(steps, stepper.end())
    assert len(episode) == 4 and stepper.outcome is Event.SUCCESS and stepper.missed == 0
    assert episode.rewards.tolist() == [0, 0, 0, 1]
    spec, origin = TaskSpec(), start_event().start_pose
    for index in range(4):
        seen = observe(make_state(START + index * TICK), origin, spec)
        assert np.array_equal(episode.observations[index], seen)
        assert np.array_equal(episode.actions[index], action(index))
        assert steps[index].stamp_ns == START + index * TICK
        assert steps[index].policy_version == 7
    forces = [np.linalg.norm(make_state(START + i * TICK).wrench[:3]) for i in range(5)]
    assert episode.end.peak_force_n == pytest.approx(max(forces))


@settings(max_examples=100, deadline=None)
@given(data=st.data(), lag=st.integers(0, 14))
def test_late_commands_and_repetitions_change_nothing(data: st.DataObject, lag: int) -> None:
    rows = lockstep(5)
    commands = [i for i, row in enumerate(rows) if row[0] == "command"]
    end = len(rows) - 1
    for index in reversed(commands):  # a command may arrive after states that follow it
        end = min(index + data.draw(st.integers(0, lag)), end)
        rows.insert(end, rows.pop(index))
        end -= 1
    copies = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    for index in sorted(copies, reverse=True):
        rows.insert(index, rows[index])
    plain, shuffled = Stepper(), Stepper()
    plain.begin(start_event())
    shuffled.begin(start_event())
    expected = play(lockstep(5), plain, None)
    found = play(rows, shuffled, None)
    assert len(found) >= 4  # the last command may not have arrived
    for left, right in zip(expected, found, strict=False):
        assert np.array_equal(left.action, right.action)
        assert np.array_equal(left.observation, right.observation)
        assert (left.stamp_ns, left.index) == (right.stamp_ns, right.index)


def test_states_that_are_not_needed_change_nothing() -> None:
    full, sparse = Stepper(), Stepper()
    full.begin(start_event())
    sparse.begin(start_event())
    expected = play(lockstep(4), full, START + 3 * TICK)
    found: list[StepData] = []
    for row in lockstep(4):
        if row[0] == "command" or sparse.needs(row[1]):
            found += play([row], sparse, START + 3 * TICK)
    assert len(expected) == len(found) == 3 and not sparse.needs(START + 50 * TICK)
    for left, right in zip(expected, found, strict=True):
        assert np.array_equal(left.next_observation, right.next_observation)


def test_time_limit_truncates_and_insertion_at_the_limit_terminates() -> None:
    for inserted_ns, outcome in ((None, Event.TIMEOUT), (START + 3 * TICK, Event.SUCCESS)):
        stepper = Stepper()
        stepper.begin(start_event(max_steps=3))
        steps = play(lockstep(5), stepper, inserted_ns)
        assert len(steps) == 3 and stepper.outcome is outcome and stepper.done
        assert [s.truncated for s in steps] == [False, False, outcome is Event.TIMEOUT]
        assert [s.terminated for s in steps] == [False, False, outcome is Event.SUCCESS]


@pytest.mark.parametrize("verdict", [Event.SUCCESS, Event.FAILURE])
@pytest.mark.parametrize("inserted_ns", [None, START + 3 * TICK])
def test_a_mark_makes_the_next_step_the_last_and_overrules_the_detector(
    verdict: Event, inserted_ns: int | None
) -> None:
    stepper, rows = Stepper(), lockstep(5)
    stepper.begin(start_event(max_steps=3))
    third = rows.index(("command", 2))
    steps = play(rows[: third + 3], stepper, inserted_ns)
    with pytest.raises(ContractError, match="expected SUCCESS or FAILURE"):
        stepper.mark(Event.TIMEOUT)
    stepper.mark(verdict)
    steps += play(rows[third + 3 :], stepper, inserted_ns)
    success = verdict is Event.SUCCESS
    assert [s.reward for s in steps] == [0, 0, float(success)]
    assert [s.terminated for s in steps] == [False, False, success]
    assert [s.truncated for s in steps] == [False, False, not success]
    assert stepper.done and stepper.outcome is verdict
    assert episode_from_steps(steps, stepper.end()).success is success


def test_a_mark_does_not_reach_the_next_episode() -> None:
    stepper = Stepper()
    stepper.mark(Event.FAILURE)
    stepper.begin(start_event(max_steps=3))
    assert len(play(lockstep(5), stepper, None)) == 3 and stepper.outcome is Event.TIMEOUT


def test_without_a_command_the_last_one_is_still_executed() -> None:
    stepper = Stepper()
    stepper.begin(start_event())
    rows = [row for row in lockstep(4) if row != ("command", 1)]
    steps = play([*rows, ("command", 4)], stepper, None)
    assert np.array_equal(steps[1].action, action(0))
    assert np.array_equal(steps[2].action, action(2))


def test_many_commands_of_a_tick_are_averaged_and_a_human_marks_it() -> None:
    stepper = Stepper()
    stepper.begin(start_event())
    stepper.on_state(make_state(START))
    for i, source in enumerate((Source.POLICY, Source.HUMAN, Source.POLICY)):
        stepper.on_command(START + i * 20_000_000, np.full(6, 0.003 * i), source)
    step = stepper.on_state(make_state(START + TICK))
    assert step is not None and step.source is Source.HUMAN
    np.testing.assert_allclose(step.action, to_action(np.full(6, 0.003), TaskSpec()), rtol=1e-6)


def test_a_new_episode_forgets_the_old_one() -> None:
    stepper = Stepper()
    with pytest.raises(ContractError, match="no outcome"):
        stepper.end()
    stepper.begin(start_event())
    play(lockstep(3), stepper, None)
    later = START + 10 * TICK
    stepper.begin(
        EpisodeEvent(stamp_ns=later, session="s", episode_id=5, connector="peg",
                     purpose=Purpose.TRAINING, event=Event.START, max_steps=80)
    )  # fmt: skip
    assert stepper.on_command(START + 3 * TICK, np.ones(6), Source.POLICY) is None  # an old one
    assert stepper.on_state(make_state(later)) is None
    assert stepper.on_command(later, np.zeros(6), Source.POLICY) is None
    step = stepper.on_state(make_state(later + TICK))
    assert step is not None and (step.index, step.episode_id) == (0, 5)
    assert np.array_equal(step.action, np.zeros(6, np.float32))
    aborted = stepper.end(Event.ABORT, "stopped")
    assert (aborted.steps, aborted.reason) == (1, "stopped")
