"""Properties of the limits: bounds hold, and what does not bind changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oda_core.se3 import Pose, quat_from_rotvec, quat_rotate
from oda_core.spec import TaskSpec
from oda_core.types import TcpState
from oda_teleop.limits import Limits, accelerate, clamp, is_overloaded, keep_inside, unload

LIMITS = Limits()
seeds = st.integers(0, 2**32 - 1)


def make_state(rng: np.random.Generator, position: np.ndarray, load: float = 0.0) -> TcpState:
    return TcpState(
        stamp_ns=0,
        pose=Pose(position, quat_from_rotvec(rng.uniform(-1.7, 1.7, 3))),
        twist=np.zeros(6),
        wrench=rng.normal(size=6) * load,
        inserted=False,
    )


def test_normal_actions_of_a_policy_never_bind() -> None:
    spec, rng = TaskSpec(), np.random.default_rng(0)
    centre = make_state(rng, np.array([0.55, 0.0, 0.15]))
    corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 6)).reshape(6, -1).T * spec.action_scale
    for previous in corners[::7]:
        for wanted in corners[::5]:
            got = accelerate(clamp(wanted, LIMITS), previous, spec.period_s, LIMITS)
            assert np.array_equal(keep_inside(got, centre, LIMITS), wanted)


@settings(deadline=None)
@given(seed=seeds)
def test_clamp_and_acceleration_bound_every_axis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted, previous = rng.normal(size=6), clamp(rng.normal(size=6), LIMITS)
    duration = rng.uniform(0, 0.1)
    got = accelerate(clamp(wanted, LIMITS), previous, duration, LIMITS)
    step = np.repeat([LIMITS.linear_m_s2, LIMITS.angular_rad_s2], 3) * duration
    assert np.all(np.abs(got - previous) <= step * (1 + 1e-12))
    assert np.all(np.abs(got) <= np.repeat([LIMITS.linear_m_s, LIMITS.angular_rad_s], 3))
    again = accelerate(got, got, duration, LIMITS)
    assert np.array_equal(again, got)


@settings(deadline=None)
@given(seed=seeds)
def test_the_box_is_never_left_and_always_entered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = np.array(LIMITS.box_low_m), np.array(LIMITS.box_high_m)
    position = rng.uniform(low - 0.02, high + 0.02)
    state = make_state(rng, position)
    wanted = rng.uniform(-0.5, 0.5, 6)
    got = keep_inside(wanted, state, LIMITS)
    after = position + quat_rotate(state.pose.quaternion, got[:3]) * 0.1
    assert np.all(after >= np.minimum(low, position) - 1e-12)
    assert np.all(after <= np.maximum(high, position) + 1e-12)
    assert np.array_equal(got[3:], wanted[3:])
    inside = np.all((position > low + 0.1) & (position < high - 0.1))
    assert not inside or np.array_equal(got, wanted)


@settings(deadline=None)
@given(seed=seeds)
def test_unloading_removes_only_what_pushes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state, wanted = make_state(rng, np.zeros(3), load=100.0), rng.normal(size=6)
    got = unload(wanted, state)
    for part in (slice(0, 3), slice(3, 6)):
        load, before, after = state.wrench[part], wanted[part], got[part]
        assert after @ load >= -1e-9
        if before @ load >= 0:
            assert np.array_equal(after, before)
        assert abs(np.cross(load, after - before)).max() < 1e-9
    assert np.array_equal(unload(wanted, make_state(rng, np.zeros(3))), wanted)


def test_overload_is_of_force_or_torque() -> None:
    rng = np.random.default_rng(0)
    state = make_state(rng, np.zeros(3))
    for wrench, expected in (
        ([119.0, 0, 0, 0, 0, 0], False),
        ([0, 0, -121.0, 0, 0, 0], True),
        ([0, 0, 0, 16.0, 0, 0], True),
    ):
        state.wrench[:] = wrench
        assert is_overloaded(state, LIMITS) is expected


def test_an_inverted_box_is_refused() -> None:
    with pytest.raises(ValueError, match="below"):
        Limits(box_low_m=(0.5, 0.0, 0.0), box_high_m=(0.4, 1.0, 1.0))
    with pytest.raises(ValueError, match="expected x, y, z"):
        Limits(box_low_m=(0.5, 0.0))
