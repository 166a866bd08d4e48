"""What stops the robot, with which reason, and who lets it go on."""

import pytest
from arbiter_inputs import MS, PUSH, T0, event, give, make, make_state, request, watch_until

from oda_core.types import Event, Source
from oda_teleop.arbiter import OVERSHOOT
from oda_teleop.commands import Safety
from oda_teleop.senses import Senses


def test_a_human_leaves_a_hold_and_the_policy_goes_on_after_the_hand_lets_go() -> None:
    arbiter = make()
    give(arbiter, request())
    watch_until(arbiter, 0, 400)
    assert arbiter.state is Safety.HOLD
    taken = give(arbiter, request(T0 + 400 * MS, Source.HUMAN))
    assert taken is not None and arbiter.state is Safety.ACTIVE
    assert arbiter.reason == "human commands"
    watch_until(arbiter, 400, 680)
    assert arbiter.state is Safety.HOLD and arbiter.executed.source is Source.HUMAN
    assert give(arbiter, request(T0 + 680 * MS)) is not None and arbiter.state is Safety.ACTIVE


def test_an_arbiter_that_slept_too_long_does_not_let_the_policy_go_on() -> None:
    arbiter = make()
    give(arbiter, request())
    assert give(arbiter, request(T0 + 2000 * MS)) is None  # no watch() in between
    assert arbiter.state is Safety.ABORT and "no command for 2.00 s" in arbiter.reason


def test_an_episode_that_ends_in_a_hold_ends_stopped() -> None:
    arbiter = make()
    give(arbiter, request())
    watch_until(arbiter, 0, 400)
    arbiter.episode(event(Event.ABORT, T0 + 400 * MS))
    assert arbiter.state is Safety.ABORT and "no command for" in arbiter.reason


def test_every_state_is_judged_between_commands() -> None:
    arbiter = make()
    give(arbiter, request())
    assert arbiter.measure(make_state(T0 + 10 * MS, 119.0), T0 + 10 * MS) is None
    unloaded = arbiter.measure(make_state(T0 + 20 * MS, 121.0), T0 + 20 * MS)
    assert unloaded is not None and unloaded.twist[2] == 0 and unloaded.twist[5] == PUSH[5]
    assert arbiter.state is Safety.RETRACT and "121 N" in arbiter.reason
    assert arbiter.measure(make_state(T0 + 30 * MS, 122.0), T0 + 30 * MS) is None


def test_a_wrench_far_above_its_limit_stops() -> None:
    far = 120 * OVERSHOOT + 1
    arbiter = make()
    give(arbiter, request())
    arbiter.measure(make_state(T0 + 10 * MS, far), T0 + 10 * MS)
    assert arbiter.state is Safety.ABORT and "139 N" in arbiter.reason
    arbiter = make(lockstep=True)
    assert give(arbiter, request(), force=far) is None
    assert arbiter.state is Safety.ABORT and "far above" in arbiter.reason


def test_a_policy_that_does_not_unload_is_stopped() -> None:
    arbiter = make()
    for t in range(0, 1300, 100):
        give(arbiter, request(T0 + t * MS), force=125.0)
        watch_until(arbiter, t, t + 100)
        assert arbiter.state is (Safety.RETRACT if t < 1000 else Safety.ABORT)
    assert "wrench limit exceeded for 1.00 s" in arbiter.reason


@pytest.mark.parametrize("stuck_s", [0.25, 0.0])
def test_a_wrench_that_never_changes_is_of_a_stuck_sensor(stuck_s: float) -> None:
    arbiter = make(stuck_s=stuck_s)
    for t in range(0, 400, 10):
        if t % 100 == 0:
            give(arbiter, request(T0 + t * MS))
        arbiter.measure(make_state(T0 + t * MS, 5.0), T0 + t * MS)
        stuck = stuck_s > 0 and t > 250
        assert arbiter.state is (Safety.ABORT if stuck else Safety.ACTIVE)
    assert not stuck or "not a digit has changed" in arbiter.reason


def test_states_that_stay_away_hold() -> None:
    arbiter = make()
    for t in range(0, 500, 20):
        give(arbiter, request(T0 + t * MS, Source.HUMAN))
        if t < 100:
            arbiter.measure(make_state(T0 + t * MS, t), T0 + t * MS)
        arbiter.watch(T0 + t * MS, T0 + t * MS)
        assert arbiter.state is (Safety.ACTIVE if t <= 320 else Safety.HOLD) or t > 340
    assert "no /oda/state for" in arbiter.reason or arbiter.state is Safety.ACTIVE


def test_the_first_clock_is_no_jump() -> None:
    senses = Senses(stale_s=0.25, stuck_s=0.0)
    assert not senses.jumped(0, 20 * MS)  # no /clock yet
    assert not senses.jumped(6_230 * MS, 40 * MS)
    assert "jumped by +10.00 s" in senses.jumped(16_250 * MS, 60 * MS)


@pytest.mark.parametrize("jump_s", [-0.5, -100.0, 10.0])
def test_a_jump_of_ros_time_stops(jump_s: float) -> None:
    arbiter = make()
    give(arbiter, request())
    arbiter.watch(T0, 0)
    arbiter.watch(T0 + 20 * MS, 20 * MS)
    assert arbiter.state is Safety.ACTIVE
    arbiter.watch(T0 + 40 * MS + round(jump_s * 1e9), 40 * MS)
    assert arbiter.state is Safety.ABORT and f"jumped by {jump_s:+.2f} s" in arbiter.reason


def test_every_limit_that_binds_is_named() -> None:
    arbiter = make()
    give(arbiter, request(twist=10 * PUSH))
    assert arbiter.reason == "policy commands; limited by speed"
