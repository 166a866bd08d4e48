"""Truths of rigid motions: exponential and logarithm, small and near-π angles, moved frames."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oda_core.se3 import (
    Pose,
    exp,
    interpolate,
    log,
    move_twist,
    move_wrench,
    quat_from_rotvec,
    rotvec_from_quat,
)

seeds = st.integers(0, 2**32 - 1)
angles = st.one_of(
    st.floats(0, 1e-6), st.floats(1e-6, 2e-2), st.floats(0.02, 3.1), st.floats(3.1, np.pi - 1e-7)
)


def twist_of(seed: int, angle: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    return np.concatenate([rng.uniform(-0.5, 0.5, 3), axis / np.linalg.norm(axis) * angle])


def pose_of(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    return Pose(rng.normal(size=3), quat_from_rotvec(rng.uniform(-1.7, 1.7, 3)))


@settings(deadline=None)
@given(seed=seeds, angle=angles)
def test_logarithm_inverts_exponential(seed: int, angle: float) -> None:
    twist = twist_of(seed, angle)
    np.testing.assert_allclose(log(exp(twist)), twist, atol=1e-8)


@settings(deadline=None)
@given(seed=seeds, angle=angles)
def test_exponential_is_many_small_motions(seed: int, angle: float) -> None:
    """Against the definition, dT/dt = T ξ, in 64 exact half steps."""
    twist = twist_of(seed, angle)
    pose, small = Pose.identity(), exp(twist / 64)
    for _ in range(64):
        pose = pose.compose(small)
    whole = exp(twist)
    np.testing.assert_allclose(pose.position, whole.position, atol=1e-10)
    np.testing.assert_allclose(pose.quaternion, whole.quaternion, atol=1e-10)


@given(seed=seeds)
def test_both_signs_of_a_quaternion_are_one_rotation(seed: int) -> None:
    pose = pose_of(seed)
    other = Pose(pose.position, -pose.quaternion)
    np.testing.assert_allclose(log(pose), log(other), atol=1e-12)


def test_a_half_turn_keeps_its_axis() -> None:
    for axis in np.eye(3):
        found = rotvec_from_quat(quat_from_rotvec(axis * np.pi))
        assert np.isclose(np.linalg.norm(found), np.pi) and np.isclose(abs(found @ axis), np.pi)
        half = log(Pose(np.array([0.1, 0.2, 0.3]), quat_from_rotvec(axis * np.pi)))
        back = exp(half)
        np.testing.assert_allclose(back.position, [0.1, 0.2, 0.3], atol=1e-12)


@settings(deadline=None)
@given(seed=seeds, fraction=st.floats(0, 1))
def test_interpolation_does_not_depend_on_the_frame(seed: int, fraction: float) -> None:
    a, b, moved = (pose_of(seed + i) for i in range(3))
    here = moved.compose(interpolate(a, b, fraction))
    there = interpolate(moved.compose(a), moved.compose(b), fraction)
    np.testing.assert_allclose(here.position, there.position, atol=1e-7)
    np.testing.assert_allclose(log(there.relative_to(here)), 0, atol=1e-6 if fraction else 1e-9)
    for end, at in ((a, 0.0), (b, 1.0)):
        np.testing.assert_allclose(log(interpolate(a, b, at).relative_to(end)), 0, atol=1e-8)


@settings(deadline=None)
@given(seed=seeds)
def test_moved_twists_and_wrenches_have_the_same_power(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame, twist, wrench = pose_of(seed), rng.normal(size=6), rng.normal(size=6)
    there_twist, there_wrench = move_twist(twist, frame), move_wrench(wrench, frame)
    assert np.isclose(there_twist @ there_wrench, twist @ wrench)
    np.testing.assert_allclose(move_twist(there_twist, frame.inverse()), twist, atol=1e-9)
    np.testing.assert_allclose(move_wrench(there_wrench, frame.inverse()), wrench, atol=1e-9)


@settings(deadline=None)
@given(seed=seeds)
def test_a_moved_twist_moves_the_moved_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose, frame, twist = pose_of(seed), pose_of(seed + 1), 1e-6 * rng.normal(size=6)
    first = pose.compose(exp(twist)).compose(frame)
    second = pose.compose(frame).compose(exp(move_twist(twist, frame)))
    np.testing.assert_allclose(first.position, second.position, atol=1e-10)
    np.testing.assert_allclose(first.quaternion, second.quaternion, atol=1e-10)
