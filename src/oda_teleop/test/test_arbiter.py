"""The arbiter never lets a bad command through, and always comes to rest."""

import dataclasses

import numpy as np
import pytest
from arbiter_inputs import MS, PUSH, T0, event, give, make, make_state, request, watch_until
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from oda_core.types import Event, Source
from oda_teleop.arbiter import Arbiter
from oda_teleop.commands import ArbiterConfig, Safety
from oda_teleop.limits import Limits


def test_a_policy_command_passes_unchanged_with_its_stamp() -> None:
    arbiter = make()
    got = give(arbiter, request(), now=T0 + 5 * MS)
    assert got is not None and np.array_equal(got.twist, PUSH) and not got.limited
    assert (got.stamp_ns, got.source, arbiter.state) == (T0, Source.POLICY, Safety.ACTIVE)
    flipped = give(arbiter, request(T0 + 100 * MS, twist=-PUSH))
    assert flipped is not None and np.array_equal(flipped.twist, -PUSH)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frame": "oda_base"}, "found frame 'oda_base', expected 'oda_tcp'"),
        ({"frame": ""}, "found frame ''"),
        ({"twist": np.array([0, 0, np.nan, 0, 0, 0])}, "expected finite"),
        ({"twist": np.array([0, 0, np.inf, 0, 0, 0])}, "expected finite"),
        ({"stamp_ns": T0 - 251 * MS}, "0.251 s old"),
        ({"stamp_ns": T0 + 300 * MS}, "-0.300 s old"),
        ({"stamp_ns": T0 - 50 * MS}, "before the start of the episode"),
    ],
)
def test_bad_commands_are_refused_with_a_reason(changes: dict, reason: str) -> None:
    arbiter = make()
    assert give(arbiter, request(**changes), now=T0) is None
    assert reason in arbiter.reason and arbiter.refused == 1
    assert arbiter.state is Safety.IDLE and not arbiter.executed.twist.any()


def test_without_fresh_state_nothing_moves() -> None:
    arbiter = make()
    for state in (None, make_state(T0 - 300 * MS)):
        assert arbiter.command(request(), T0, T0, state) is None
        assert "no fresh /oda/state" in arbiter.reason


def test_a_policy_needs_an_episode_a_human_does_not() -> None:
    arbiter = make()
    arbiter.episode(event(Event.SUCCESS))
    later = request(T0 + MS)
    assert give(arbiter, later) is None and "no episode" in arbiter.reason
    assert give(arbiter, request(source=Source.HUMAN)) is not None
    free = make(require_episode=False)
    free.episode(event(Event.SUCCESS))
    assert give(free, later) is not None


def test_the_last_twist_of_an_ended_episode_is_dropped_without_a_refusal() -> None:
    arbiter = make()
    arbiter.episode(event(Event.SUCCESS, T0 + 100 * MS))
    for stamp in (T0 + 90 * MS, T0 + 100 * MS):
        assert not arbiter.is_early(request(stamp), T0 + 110 * MS)
        assert give(arbiter, request(stamp), now=T0 + 110 * MS) is None
    assert (arbiter.late, arbiter.refused) == (2, 0) and "ended" in arbiter.reason
    for bad in ({"frame": "oda_base"}, {"twist": np.full(6, np.nan)}):
        assert give(arbiter, request(T0 + 100 * MS, **bad)) is None
    assert give(arbiter, request(T0 + 101 * MS)) is None and "no episode" in arbiter.reason
    assert (arbiter.late, arbiter.refused) == (2, 3) and not arbiter.executed.twist.any()


def test_a_twist_that_overtook_its_start_is_early_for_a_while() -> None:
    arbiter = make()
    arbiter.episode(event(Event.SUCCESS, T0 + 100 * MS))
    first = request(T0 + 500 * MS)
    assert arbiter.is_early(first, T0 + 505 * MS)
    assert not arbiter.is_early(first, T0 + 630 * MS)
    assert not arbiter.is_early(request(T0 + 500 * MS, frame=""), T0 + 505 * MS)
    assert not arbiter.is_early(request(T0 + 500 * MS, source=Source.HUMAN), T0 + 505 * MS)
    arbiter.episode(event(stamp_ns=T0 + 500 * MS))
    assert not arbiter.is_early(first, T0 + 505 * MS) and give(arbiter, first) is not None
    arbiter.stop("stopped by a person")
    assert not arbiter.is_early(first, T0 + 505 * MS)


def test_repetitions_pass_unchanged_and_older_stamps_do_not() -> None:
    arbiter = make()
    first = give(arbiter, request(T0 + 100 * MS))
    again = give(arbiter, request(T0 + 100 * MS), now=T0 + 150 * MS)
    assert first == again and arbiter.refused == 0
    assert give(arbiter, request(T0 + 50 * MS), now=T0 + 150 * MS) is None
    assert "before the last accepted" in arbiter.reason


def test_the_human_wins_while_the_deadman_is_held() -> None:
    arbiter = make()
    human = give(arbiter, request(source=Source.HUMAN, twist=-PUSH))
    assert human is not None and human.source is Source.HUMAN
    for late in (10, 250):
        assert give(arbiter, request(T0 + late * MS), now=T0 + late * MS) is None
    assert arbiter.refused == 0 and np.array_equal(arbiter.executed.twist, -PUSH)
    released = give(arbiter, request(T0 + 300 * MS))
    assert released is not None and released.source is Source.POLICY


def test_stale_ramps_to_zero_then_holds_then_aborts() -> None:
    arbiter = make()
    watch_until(arbiter, 0, 10)
    give(arbiter, request())
    assert watch_until(arbiter, 0, 251) == [] and arbiter.state is Safety.ACTIVE
    (zero,) = watch_until(arbiter, 260, 1000)
    assert arbiter.state is Safety.HOLD and "no command for" in arbiter.reason
    assert not zero.twist.any()  # the receiver came to rest by itself before
    assert give(arbiter, request(T0 + 900 * MS)) is None and arbiter.state is Safety.HOLD
    assert "only a person may go on" in arbiter.reason
    watch_until(arbiter, 920, 2000)
    assert arbiter.state is Safety.ABORT and not arbiter.executed.twist.any()
    assert give(arbiter, request(T0 + 2000 * MS)) is None and "/oda/start" in arbiter.reason
    arbiter.episode(event(stamp_ns=T0 + 2000 * MS))
    assert arbiter.state is Safety.ABORT
    arbiter.start()
    assert arbiter.state is Safety.IDLE
    arbiter.episode(event(stamp_ns=T0 + 2000 * MS))
    assert give(arbiter, request(T0 + 2000 * MS)) is not None


def test_the_watchdog_waits_for_the_first_command_and_sleeps_after_the_episode() -> None:
    arbiter = make()
    assert watch_until(arbiter, 0, 5000) == [] and arbiter.state is Safety.IDLE
    now = T0 + 5000 * MS
    give(arbiter, request(now))
    arbiter.episode(event(Event.SUCCESS))
    ramp = watch_until(arbiter, 5020, 9000)
    assert arbiter.state is Safety.IDLE and not ramp[-1].twist.any()


def test_lockstep_sends_nothing_by_itself() -> None:
    arbiter = make(lockstep=True)
    give(arbiter, request())
    assert watch_until(arbiter, 0, 10) == [] and arbiter.state is Safety.ACTIVE
    arbiter.episode(event(Event.SUCCESS))
    assert watch_until(arbiter, 0, 3000) == [] and not arbiter.executed.twist.any()


def test_overload_lets_only_unloading_motion_pass_until_it_is_calm() -> None:
    arbiter = make()
    got = give(arbiter, request(), force=121.0)
    assert got is not None and arbiter.state is Safety.RETRACT
    assert got.limited and got.twist[2] == 0 and got.twist[5] == PUSH[5]
    assert give(arbiter, request(T0 + 100 * MS), force=110.0).twist[2] == 0
    back = give(arbiter, request(T0 + 200 * MS, twist=-PUSH), force=121.0)
    assert np.array_equal(back.twist, -PUSH)
    assert give(arbiter, request(T0 + 300 * MS), force=100.0) is not None
    assert arbiter.state is Safety.ACTIVE


def test_stop_holds_until_start() -> None:
    arbiter = make()
    give(arbiter, request())
    arbiter.stop("stopped by a person")
    assert not watch_until(arbiter, 20, 200)[-1].twist.any()
    for _ in range(2):
        assert give(arbiter, request(T0 + 200 * MS)) is None
        assert "stopped by a person" in arbiter.reason and arbiter.reason.count("refused") == 1


def test_a_clock_set_back_does_not_lock_out() -> None:
    arbiter = make()
    give(arbiter, request())
    arbiter.episode(event(stamp_ns=0))
    assert give(arbiter, request(1000 * MS)) is not None


class AnyOrder(RuleBasedStateMachine):
    """Whatever arrives in whatever order, what is executed obeys the limits."""

    @initialize(lockstep=st.booleans())
    def begin(self, lockstep: bool) -> None:
        self.arbiter = Arbiter(ArbiterConfig(lockstep=lockstep), Limits())
        self.now = T0
        self.fresh = T0  # newest valid command
        self.force = 0.0

    @rule(ms=st.integers(0, 600))
    def wait(self, ms: int) -> None:
        for _ in range(0, ms, 20):
            self.now += 20 * MS
            self.arbiter.watch(self.now, self.now)

    @rule(kind=st.sampled_from(list(Event)))
    def episode(self, kind: Event) -> None:
        self.arbiter.episode(event(kind, self.now))

    @rule(force=st.sampled_from([0.0, 115.0, 130.0]))
    def press(self, force: float) -> None:
        self.force = force

    @rule(start=st.booleans())
    def button(self, start: bool) -> None:
        self.arbiter.start() if start else self.arbiter.stop("button")

    @rule(
        source=st.sampled_from(list(Source)),
        age_ms=st.integers(-400, 400),
        frame=st.sampled_from(["oda_tcp", "oda_tcp", "oda_tcp", "", "base"]),
        values=st.lists(st.floats(allow_nan=True, width=32), min_size=6, max_size=6),
    )
    def command(self, source: Source, age_ms: int, frame: str, values: list[float]) -> None:
        before = self.arbiter.executed
        stopped = self.arbiter.state is Safety.ABORT
        what = request(self.now - age_ms * MS, source, frame=frame, twist=np.array(values))
        got = self.arbiter.command(what, self.now, self.now, make_state(self.now, self.force))
        bad = frame != "oda_tcp" or not np.all(np.isfinite(values)) or abs(age_ms) > 250
        if bad or stopped:
            assert got is None and self.arbiter.executed is before
            assert self.arbiter.reason.startswith("refused")
        if got is not None:
            self.fresh = self.now
            assert got.stamp_ns == what.stamp_ns
            if self.force > 120 and got is not before:
                assert got.twist[2] <= 1e-12  # along the insertion: against the force

    @invariant()
    def executed_obeys_the_limits(self) -> None:
        if not hasattr(self, "arbiter"):
            return
        twist, limits = self.arbiter.executed.twist, self.arbiter.limits
        assert np.all(np.isfinite(twist))
        assert np.abs(twist[:3]).max() <= limits.linear_m_s * (1 + 1e-9)
        assert np.abs(twist[3:]).max() <= limits.angular_rad_s * (1 + 1e-9)
        if self.now - self.fresh > 600 * MS:
            assert not twist.any()
            assert self.arbiter.state not in (Safety.ACTIVE, Safety.RETRACT)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase


@given(lockstep=st.booleans())
def test_settings_are_frozen(lockstep: bool) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ArbiterConfig(lockstep=lockstep).lockstep = True  # type: ignore[misc]


def test_a_reset_moves_between_episodes_only_and_ends_at_rest() -> None:
    arbiter = make()
    assert give(arbiter, request(source=Source.RESET)) is None
    assert "an episode is running" in arbiter.reason and arbiter.state is Safety.IDLE
    arbiter.episode(event(Event.TIMEOUT, T0 + 10 * MS))
    moved = give(arbiter, request(T0 + 20 * MS, Source.RESET))
    assert moved is not None and moved.source is Source.RESET and moved.twist.any()
    assert arbiter.state is Safety.ACTIVE and arbiter.reason == "reset commands"
    give(arbiter, request(T0 + 220 * MS, Source.RESET, twist=np.zeros(6)))
    assert not arbiter.executed.twist.any()
    watch_until(arbiter, 220, 520)
    assert arbiter.state is Safety.IDLE and "ended at rest" in arbiter.reason


def test_a_reset_that_was_interrupted_does_not_go_on_by_itself() -> None:
    arbiter = make()
    arbiter.episode(event(Event.TIMEOUT))
    give(arbiter, request(T0 + 20 * MS, Source.RESET))
    watch_until(arbiter, 20, 400)
    assert arbiter.state is Safety.HOLD
    assert give(arbiter, request(T0 + 400 * MS, Source.RESET)) is None
    assert "only a person may go on" in arbiter.reason
    assert give(arbiter, request(T0 + 420 * MS, Source.HUMAN)) is not None
    assert give(arbiter, request(T0 + 440 * MS, Source.RESET)) is None  # the hand has the robot


def test_a_reset_that_does_not_unload_is_stopped() -> None:
    arbiter = make()
    arbiter.episode(event(Event.TIMEOUT))
    for t in range(20, 1100, 20):
        give(arbiter, request(T0 + t * MS, Source.RESET), force=121.0)
        arbiter.watch(T0 + t * MS, T0 + t * MS)
    assert arbiter.state is Safety.ABORT and "wrench limit exceeded" in arbiter.reason
