"""Truths about the control law, asked of the compiled header."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_reference import ReferenceLaw, arms, rotation

from oda_core.errors import SimulationError
from oda_core.impedance import ImpedanceSettings
from oda_core.se3 import quat_from_rotvec
from oda_sim.law import Law, Measurement, Reason

FIGURES = ImpedanceSettings()
DT = 1e-3
FULL = np.array([0.02, -0.02, 0.02, 0.2, -0.2, 0.2])
seeds = st.integers(0, 2**32 - 1)
pytestmark = [pytest.mark.usefixtures("law_library"), pytest.mark.timeout(900)]  # compiles


def still(seed=0):
    """A measurement of an arm at rest."""
    measured = next(arms(1, seed))
    measured.velocity[:] = 0
    return measured


@settings(max_examples=20)
@given(seed=seeds)
def test_equals_the_float64_reference(seed):
    rng = np.random.default_rng(seed)
    plan = list(arms(120, seed))
    law, reference = Law(FIGURES), ReferenceLaw(FIGURES, plan[0])
    assert law.start(plan[0])
    for i, measured in enumerate(plan):
        if i % 60 == 0:
            twist = rng.uniform(-1, 1, 6) * np.repeat([0.1, 0.5], 3)
            law.command(twist)
        law.update(measured, DT)
        error, wrench = reference.update(measured, twist, DT)
        assert np.allclose(law.twist_command, reference.speed, atol=1e-12)
        assert np.allclose(law.set_point, error, atol=1e-12)
        assert np.allclose(law.wrench, wrench, rtol=1e-8, atol=1e-7)
        assert np.allclose(law.torque, reference.torque, rtol=1e-8, atol=1e-7)


@given(seed=seeds, ratio=st.floats(0.3, 2.0))
@settings(max_examples=20)
def test_every_mode_has_the_damping_ratio(seed, ratio):
    """D Λ⁻¹ D = 4 ζ² K, of which D is the symmetric positive root."""
    law = Law(replace(FIGURES, damping_ratio=ratio))
    measured = still(seed)
    law.start(measured)
    columns = []
    for axis in range(6):  # a velocity along one TCP axis feels that column of D
        J = np.kron(np.eye(2), measured.tcp_rotation.T) @ measured.jacobian
        measured.velocity[:] = np.linalg.pinv(J) @ np.eye(6)[axis] * 1e-3
        law.update(measured, DT)
        columns.append(-law.wrench * 1e3)
    D = np.array(columns).T
    mobility = J @ np.linalg.solve(measured.mass, J.T)
    scale = np.sqrt(np.outer(FIGURES.stiffness, FIGURES.stiffness))
    assert np.allclose(D, D.T, rtol=1e-6, atol=1e-6 * np.abs(D).max())
    assert np.all(np.linalg.eigvalsh(D) > 0)
    expected = 4 * ratio**2 * np.diag(FIGURES.stiffness)
    assert np.allclose(D @ mobility @ D / scale, expected / scale, atol=1e-5)


def wild(rng):
    """A number that a broken sensor, driver or network may bring."""
    return rng.choice([np.nan, np.inf, -np.inf, 1e300, -1e300, 1e9, -7.0, 0.0])


@settings(max_examples=40)
@given(seed=seeds)
def test_limits_hold_whatever_comes(seed):
    rng = np.random.default_rng(seed)
    law, torque = Law(FIGURES), np.zeros(7)
    plan = list(arms(60, seed))
    law.start(plan[0])
    for measured in plan:
        if rng.random() < 0.1:
            measured.flat[rng.integers(len(measured.flat))] = wild(rng)
        measured.velocity[:] *= rng.choice([1.0, 100.0])
        twist = rng.normal(size=6) * rng.choice([0.02, 1.0, 1e6])
        if rng.random() < 0.1:
            twist[rng.integers(6)] = wild(rng)
        law.command(twist)
        period = rng.choice([DT, DT, 5e-3, 0.2, 0.0, -DT, np.nan, np.inf])
        reason = law.update(measured, period)
        longest = min(period, 1e-2) if period > 0 and math.isfinite(period) else DT
        assert np.all(np.abs(law.torque) <= FIGURES.torque_limit_nm)
        assert np.all(np.abs(law.torque - torque) <= FIGURES.torque_rate_nm_s * longest + 1e-12)
        assert np.all(np.abs(law.set_point) <= FIGURES.leash)
        torque = law.torque.copy()
        if reason >= Reason.BAD_STATE and rng.random() < 0.3:
            law.start(plan[0])


@settings(max_examples=10)
@given(seed=seeds)
def test_interpolation_bounds_speed_acceleration_and_jerk(seed):
    rng, law, measured = np.random.default_rng(seed), Law(FIGURES), still()
    law.start(measured)
    speeds = [np.zeros(6)] * 2
    for i in range(300):
        if i % int(rng.choice([10, 37, 100])) == 0:
            law.command(rng.uniform(-1.5, 1.5, 6) * np.repeat([0.1, 0.5], 3))
        law.update(measured, DT)
        speeds.append(law.twist_command.copy())
    acceleration = np.diff(speeds, axis=0) / DT
    jerk = np.diff(acceleration, axis=0) / DT
    assert np.all(np.abs(speeds) <= np.repeat([0.1, 0.5], 3) * (1 + 1e-9))
    assert np.all(np.abs(acceleration) <= np.repeat([4.0, 40.0], 3) * (1 + 1e-9))
    assert np.all(np.abs(jerk) <= np.repeat([200.0, 2000.0], 3) * (1 + 1e-6))


def test_a_twist_is_reached_without_overshoot_in_the_least_time():
    law, measured = Law(FIGURES), still()
    law.start(measured)
    law.command(FULL)
    speeds = []
    for _ in range(60):
        law.update(measured, DT)
        speeds.append(law.twist_command.copy())
    assert np.allclose(speeds[-1], FULL, atol=1e-15)
    assert np.all(np.abs(speeds) <= np.abs(FULL) + 1e-15)
    arrival = np.argmax(np.all(np.isclose(speeds, FULL, atol=1e-12), axis=1)) + 1
    assert arrival * DT <= 2 * math.sqrt(0.02 / FIGURES.linear_jerk_m_s3) + 2 * DT


@pytest.mark.parametrize("scale", [1.0, 1e3])  # the second is clamped to the speed limits
def test_set_point_stands_still_in_time_after_the_last_command(scale):
    law, measured = Law(FIGURES), still()
    law.start(measured)
    for i in range(500):
        if i % 100 == 0:
            law.command(FULL * scale)
        law.update(measured, DT)
    since = 0.1  # the last command came at 400 ms
    seen = []
    while since < 0.5:
        reason = law.update(measured, DT)
        since += DT
        seen.append((since, np.any(law.twist_command != 0), reason, law.set_point.copy()))
    moving = [t for t, moves, *_ in seen if moves]
    assert moving[-1] <= FIGURES.command_timeout_s
    assert moving[-1] > 0.15  # and it did not stop at the first late command
    resting = [point for t, _, reason, point in seen if t > FIGURES.command_timeout_s]
    assert np.allclose(resting, resting[0], atol=1e-12)
    assert seen[-1][2] is Reason.STALE


def test_a_twist_after_a_pause_begins_at_the_measured_pose():
    """Pressed against something that does not yield, the arm lets go of it before it moves on."""
    law, measured = Law(FIGURES), still()
    law.start(measured)
    for i in range(500):
        if i % 100 == 0:
            law.command(FULL)
        law.update(measured, DT)
    pressed = np.abs(law.set_point).max()
    law.command(-FULL)
    law.update(measured, DT)
    assert np.abs(law.set_point).max() > 0.9 * pressed > 1e-3  # no pause: it turns round
    for _ in range(300):
        law.update(measured, DT)
    held = law.set_point.copy()
    law.command(np.zeros(6))
    law.update(measured, DT)
    assert np.abs(held).max() > 1e-3
    assert np.allclose(law.set_point, held, atol=1e-12)  # rest is no motion
    law.command(FULL)
    law.update(measured, DT)
    assert np.abs(law.set_point).max() < 1e-5  # one cycle of the new twist


def test_not_a_number_stops_the_set_point_until_a_good_twist_comes():
    law, measured = Law(FIGURES), still()
    law.start(measured)
    law.command(FULL)
    for _ in range(50):
        law.update(measured, DT)
    law.command(np.array([0, 0, np.nan, 0, 0, 0]))
    for _ in range(50):
        reason = law.update(measured, DT)
    assert reason is Reason.BAD_TWIST
    assert not law.twist_command.any()
    law.command(FULL)
    assert law.update(measured, DT) is Reason.NONE


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("position", np.nan, Reason.BAD_STATE),
        ("velocity", np.inf, Reason.BAD_STATE),
        ("tcp_position", np.nan, Reason.BAD_STATE),
        ("tcp_rotation", 3.0, Reason.BAD_STATE),
        ("jacobian", np.nan, Reason.BAD_STATE),
        ("mass", -1.0, Reason.BAD_STATE),
        ("position", 3.0, Reason.STATE_JUMP),
    ],
)
def test_a_fault_lets_go_and_only_a_start_ends_it(field, value, expected):
    law, measured, broken = Law(FIGURES), still(), still()
    law.start(measured)
    law.command(FULL)
    for _ in range(80):
        law.update(measured, DT)
    pulled = np.abs(law.torque).max()
    assert pulled > 1
    getattr(broken, field).flat[0] = value
    assert law.update(broken, DT) is expected
    for _ in range(math.ceil(pulled)):  # 1 Nm in a millisecond
        assert law.update(measured, DT) is expected
    assert not law.torque.any()
    assert law.start(measured)
    assert law.update(measured, DT) is Reason.NONE


def test_no_torque_before_a_start_and_none_from_a_bad_one():
    law, measured = Law(FIGURES), still()
    law.command(FULL)
    assert law.update(measured, DT) is Reason.NOT_STARTED
    broken = Measurement()  # all zero: no rotation, no inertia
    assert not law.start(broken)
    law.update(measured, DT)
    assert not law.torque.any()


def test_start_takes_the_measured_pose_for_the_set_point():
    law, measured = Law(FIGURES), still()
    law.start(measured)
    law.command(FULL)
    for _ in range(200):
        law.update(measured, DT)
    assert np.linalg.norm(law.set_point) > 1e-3
    law.start(measured)
    law.update(measured, DT)
    assert np.allclose(law.set_point, 0, atol=1e-12)


@given(seed=seeds)
@settings(max_examples=20)
def test_external_wrench_inverts_the_transposed_jacobian(seed):
    law, measured = Law(FIGURES), still(seed)
    law.start(measured)
    law.update(measured, DT)
    wrench = np.random.default_rng(seed).normal(size=6) * 10
    J = np.kron(np.eye(2), measured.tcp_rotation.T) @ measured.jacobian
    assert np.allclose(law.external_wrench(J.T @ wrench), wrench, rtol=1e-6, atol=1e-6)


def test_a_twist_is_meant_in_the_tcp_frame():
    law, measured = Law(FIGURES), still()
    measured.tcp_rotation[:] = rotation(quat_from_rotvec([0, np.pi / 2, 0]))
    law.start(measured)
    law.command(np.array([0, 0, 0.02, 0, 0, 0]))
    for _ in range(100):
        law.update(measured, DT)
    assert law.set_point[2] > 1e-3
    assert np.allclose(np.delete(law.set_point, 2), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"linear_stiffness_n_m": 0.0}, "zero, negative"),
        ({"torque_limit_nm": (1.0,) * 6 + (math.nan,)}, "not finite"),
        ({"rotation_leash_rad": 0.6}, "rotation_leash"),
        ({"command_timeout_s": 0.05}, "command_timeout"),
        ({"posture_damping_nms_rad": -1.0}, "posture"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(SimulationError, match=message):
        Law(replace(FIGURES, **change))
