"""Each check finds what it is for, and nothing in a demonstration as it should be."""

from dataclasses import replace

import numpy as np
import pytest

from oda_core.trace import Commands, States, Trace
from oda_core.types import EpisodeEvent, Event, Purpose
from oda_teleop.quality import Level, QualityLimits, judge

RATE_HZ, STEPS = 100, 20


def demonstration(**changes: object) -> Trace:
    """Two seconds down at half speed, 8 N of contact in the end."""
    count = STEPS * RATE_HZ // 10 + 1
    stamps = np.arange(count, dtype=np.int64) * (10**9 // RATE_HZ)
    wrench = np.random.default_rng(0).normal(scale=0.1, size=(count, 6)) * [1, 1, 1, 0.1, 0.1, 0.1]
    wrench[-50:, 2] -= np.linspace(0, 8, 50)
    position = np.stack([np.zeros(count), np.zeros(count), -0.01 * stamps * 1e-9], axis=1)
    states = States(stamps, position, np.tile([1.0, 0, 0, 0], (count, 1)), np.zeros((count, 6)),
                    wrench)  # fmt: skip
    actions = np.tile(np.array([0, 0, 0.5, 0, 0, 0], np.float32), (STEPS, 1))
    end = EpisodeEvent(stamp_ns=int(stamps[-1]), session="s", episode_id=1, connector="peg",
                       purpose=Purpose.DEMONSTRATION, event=Event.SUCCESS, steps=STEPS)  # fmt: skip
    trace = Trace(end=end, start_ns=0, states=states, actions=actions,
                  commands=Commands(stamps[::10][:STEPS], np.zeros((STEPS, 6))),
                  sources=np.ones(STEPS, np.uint8))  # fmt: skip
    return replace(trace, **changes)


def names(trace: Trace) -> set[str]:
    return {finding.name for finding in judge(trace).findings}


def with_wrench(wrench: np.ndarray) -> Trace:
    trace = demonstration()
    return replace(trace, states=trace.states._replace(wrench=wrench))


def with_stamps(stamps: np.ndarray) -> Trace:
    trace = demonstration()
    return replace(trace, states=trace.states._replace(stamp_ns=stamps))


def test_a_demonstration_as_it_should_be_is_good() -> None:
    verdict = judge(demonstration())
    assert verdict.level is Level.GOOD and str(verdict) == "good"


@pytest.mark.parametrize(
    ("event", "reason"), [(Event.TIMEOUT, "not inserted"), (Event.ABORT, "wrench limit")]
)
def test_what_did_not_succeed_is_bad_and_says_why(event: Event, reason: str) -> None:
    end = replace(demonstration().end, event=event, reason=reason)
    verdict = judge(demonstration(end=end))
    assert verdict.level is Level.BAD and reason in str(verdict)


def test_the_outcome_of_other_episodes_is_no_fault_of_theirs() -> None:
    end = replace(demonstration().end, event=Event.TIMEOUT, purpose=Purpose.EVALUATION)
    assert judge(demonstration(end=replace(end, max_steps=STEPS))).level is Level.GOOD
    assert names(demonstration(end=replace(end, event=Event.ABORT))) == {"outcome"}


def test_an_episode_without_an_end_or_taken_back_is_bad() -> None:
    assert names(demonstration(end=replace(demonstration().end, event=Event.START))) == {"cut off"}
    assert names(demonstration(discarded="by the operator")) == {"discarded"}


@pytest.mark.parametrize(("missing", "level"), [(8, Level.DOUBTFUL), (30, Level.BAD)])
def test_a_silent_robot_is_a_gap(missing: int, level: Level) -> None:
    trace = demonstration()
    keep = np.ones(trace.states.size, bool)
    keep[50 : 50 + missing] = False
    verdict = judge(replace(trace, states=trace.states.part(keep)))
    (finding,) = verdict.findings
    assert (verdict.level, finding.name) == (level, "gap")
    assert finding.from_s == pytest.approx(0.49) and finding.to_s == pytest.approx(
        0.5 + missing / 100
    )


def test_states_at_ten_hertz_have_no_gaps() -> None:
    trace = demonstration()
    keep = np.arange(trace.states.size) % 10 == 0
    assert judge(replace(trace, states=trace.states.part(keep))).level is Level.GOOD


def test_a_repeated_state_is_no_fault() -> None:
    trace = demonstration()
    again = np.repeat(
        np.arange(trace.states.size), np.where(np.arange(trace.states.size) % 10, 1, 4)
    )
    states = States(*(values[again] for values in trace.states))
    assert judge(replace(trace, states=states)).level is Level.GOOD


@pytest.mark.parametrize("jump_ns", [-5 * 10**9, 3600 * 10**9])
def test_a_clock_that_jumps_is_named(jump_ns: int) -> None:
    stamps = demonstration().states.stamp_ns.copy()
    stamps[100:] += jump_ns
    verdict = judge(with_stamps(stamps))
    assert verdict.level is Level.BAD and "the clock jumped" in str(verdict)


def test_unsteady_stamps_are_named() -> None:
    rng = np.random.default_rng(1)
    stamps = demonstration().states.stamp_ns + rng.integers(-9_000_000, 9_000_000, 201)
    assert names(with_stamps(np.sort(stamps))) == {"jitter"}


def test_hands_that_push_all_the_time_or_rest_are_named() -> None:
    assert names(demonstration(actions=np.ones((STEPS, 6), np.float32))) == {"saturation"}
    assert names(demonstration(actions=np.zeros((STEPS, 6), np.float32))) == {"idle"}


def test_a_wrench_that_is_missing_biased_too_large_or_stuck_is_named() -> None:
    wrench = demonstration().states.wrench
    assert names(with_wrench(0 * wrench)) == {"no contact"}
    assert names(with_wrench(wrench + np.array([3, 0, 0, 0, 0, 0]))) == {"bias"}
    assert judge(with_wrench(wrench + np.array([3, 0, 0, 0, 0, 0]))).level is Level.DOUBTFUL
    assert judge(with_wrench(wrench + np.array([0, 0, 0, 0.5, 0, 0]))).level is Level.BAD
    assert names(with_wrench(wrench * [1, 1, 10, 1, 1, 1])) == {"force"}
    assert names(with_wrench(np.clip(wrench, -5, 5) * [0, 0, 1, 1, 1, 1])) == {"sensor"}


def test_missing_steps_and_damaged_messages_are_named() -> None:
    assert names(demonstration(actions=demonstration().actions[:-1])) == {"steps"}
    assert "oda_base" in str(
        judge(demonstration(damaged=("found frame 'x', expected 'oda_base'",)))
    )


def test_a_long_one_is_doubtful_within_the_given_limit() -> None:
    end = replace(demonstration().end, max_steps=STEPS)
    assert names(demonstration(end=end)) == {"too long"}
    assert not judge(demonstration(end=end), QualityLimits(longest=1.0)).findings
