"""The arm against its figures, and the physics against what they must be."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from oda_core.errors import ContractError, SimulationError
from oda_core.homing import START, draw_start_noise
from oda_core.se3 import Pose
from oda_sim.arm import HOME_RAD, LINKS, TCP_OFFSET_M, solve_joints
from oda_sim.connector import load_connector
from oda_sim.impedance import STIFFNESS, leash
from oda_sim.insertion import TICK_NS, InsertionSim
from oda_sim.scene import build_scene

PERIOD_NS = 100_000_000


@pytest.fixture(scope="module")
def peg():
    return InsertionSim(load_connector("metal-peg-sq"))


def _forward_kinematics(q):
    """TCP position from the table of joint origins alone."""
    position, rotation = np.zeros(3), np.eye(3)
    for link, angle in zip(LINKS, q, strict=True):
        position = position + rotation @ np.array(link.origin)
        x, y, z = np.array(link.axis, float)
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        rotation = rotation @ (
            np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
        )
    return position + rotation @ np.array([0, 0, 0.035 + TCP_OFFSET_M]), rotation


@pytest.mark.parametrize("seed", range(3))
def test_model_agrees_with_the_kinematic_table(peg, seed):
    data = mujoco.MjData(peg.model)
    data.qpos[:7] = np.random.default_rng(seed).uniform(-1.5, 1.5, 7)
    mujoco.mj_forward(peg.model, data)
    position, rotation = _forward_kinematics(data.qpos[:7])
    site = peg.model.site("tcp").id
    assert np.allclose(data.site_xpos[site], position, atol=1e-9)
    assert np.allclose(data.site_xmat[site].reshape(3, 3), rotation, atol=1e-9)


def test_published_figures(peg):
    arm = [peg.model.body(f"lbr_link_{i}").mass[0] for i in range(8)]
    assert sum(arm) == pytest.approx(23.9, abs=0.05)
    limits = peg.model.jnt_range[:7, 1]
    assert np.allclose(np.rad2deg(limits), [170, 120, 170, 120, 170, 120, 175])
    assert np.allclose(peg.model.jnt_actfrcrange[:7, 1], [176, 176, 110, 110, 110, 40, 40])
    q = [0, 0.661, 0, -1.616, 0, 0.864, 0]
    assert np.allclose(_forward_kinematics(q)[0], [0.55, 0, 0.11], atol=5e-4)


def test_inverse_kinematics_inverts(peg):
    target = START.compose(Pose(np.array([3e-3, -5e-3, 2e-3]), np.array([0, 0, 0, 1.0])))
    q = solve_joints(peg.model, peg.model.site("tcp").id, target, HOME_RAD)
    assert np.allclose(_forward_kinematics(q)[0], target.position, atol=1e-9)
    with pytest.raises(SimulationError, match="reaches"):
        far = Pose(np.array([2.0, 0, 0]), START.quaternion)
        solve_joints(peg.model, peg.model.site("tcp").id, far, HOME_RAD)


@pytest.mark.parametrize("axis", range(6))
def test_impedance_is_stiffness_times_displacement(peg, axis):
    """A load of 5 N or 0.5 Nm on the tool displaces it by load / K."""
    peg.jump(np.zeros(3), 0)
    load = np.zeros(6)
    load[axis] = 5.0 if axis < 3 else 0.5
    rotation = peg.data.site_xmat[peg.model.site("tcp").id].reshape(3, 3)
    tool = peg.model.body("tool").id
    world = (rotation @ load.reshape(2, 3).T).T
    lever = peg.data.site_xpos[peg.model.site("tcp").id] - peg.data.xipos[tool]
    peg.data.xfrc_applied[tool] = np.concatenate([world[0], world[1] + np.cross(lever, world[0])])
    peg.step(20 * PERIOD_NS)
    moved = peg.tcp_pose().relative_to(START)
    shift = np.concatenate([moved.position, 2 * moved.quaternion[:3]])
    assert shift[axis] == pytest.approx(load[axis] / STIFFNESS[axis], rel=0.05)
    wrench = peg.state().wrench
    peg.data.xfrc_applied[:] = 0.0
    assert wrench[axis] == pytest.approx(load[axis], abs=0.6 if axis < 3 else 0.05)


def test_commanded_velocity_is_tracked(peg):
    peg.jump(np.zeros(3), 0)
    twist = np.array([0.01, 0.0, -0.01, 0.0, 0.0, 0.1])
    peg.apply(twist)
    peg.step(10 * PERIOD_NS)
    assert peg.state().twist == pytest.approx(twist, abs=1.5e-3)
    moved = peg.tcp_pose().relative_to(peg.start_pose)
    # a constant twist in the turning TCP frame draws an arc: x sin(a)/a, x (1 - cos a)/a
    assert moved.position == pytest.approx([0.00998, 0.0005, -0.01], abs=2e-4)
    assert 2 * moved.quaternion[2] == pytest.approx(0.1, abs=2e-3)


def test_free_space_wrench_is_noise_around_zero(peg):
    peg.jump(np.zeros(3), 7)
    samples = []
    for _ in range(200):
        peg.step(TICK_NS)
        samples.append(peg.state().wrench)
    samples = np.array(samples)
    assert np.all(np.abs(samples.mean(0)) < [0.08, 0.08, 0.08, 4e-3, 4e-3, 4e-3])
    assert samples.std(0) == pytest.approx([0.2] * 3 + [0.01] * 3, rel=0.25)


def test_tilted_tool_still_reads_zero(peg):
    peg.jump(np.zeros(3), 0)
    peg.apply(np.array([0, 0, -0.01, 0.1, 0.1, 0.0]))
    peg.step(10 * PERIOD_NS)
    peg.apply(np.zeros(6))
    peg.step(10 * PERIOD_NS)
    assert np.all(np.abs(peg.state().wrench) < [1.0] * 3 + [0.05] * 3)


def test_leash_bounds_the_force(peg):
    peg.jump(np.array([3e-3, 3e-3, 0.0]), 0)
    peg.apply(np.array([0.0, 0.0, 0.02, 0.0, 0.0, 0.0]))
    peg.step(60 * PERIOD_NS)
    peg.apply(np.zeros(6))  # a moving set-point adds D v_d, 4.4 N
    peg.step(5 * PERIOD_NS)
    limit = peg.connector.limits.axial_n
    assert leash(peg.connector.limits)[2] == pytest.approx(limit / STIFFNESS[2])
    assert 0.9 * limit < -peg.state().wrench[2] < 1.05 * limit


def test_same_seed_is_bit_identical_whatever_came_before():
    connector = load_connector("uk-ac-plug")
    first, second = InsertionSim(connector), InsertionSim(connector, seed=9)
    second.apply(np.array([0.005, 0, 0.02, 0, 0, 0]))
    second.step(12 * PERIOD_NS)
    first.jump(draw_start_noise(4), 4)
    second.reset(draw_start_noise(4), 4)
    for k in range(25):
        twist = np.array([np.sin(k) * 5e-3, 0, 0.012, 0, 0, 0])
        for sim in (first, second):
            sim.apply(twist)
            sim.step(PERIOD_NS)
        a, b = first.state(), second.state()
        assert np.array_equal(a.wrench, b.wrench) and np.array_equal(a.twist, b.twist)
        assert np.array_equal(a.pose.position, b.pose.position)
    assert first.peak_force_n > 1.0  # there was contact to disagree about


def test_reading_the_state_changes_nothing(peg):
    peg.jump(np.zeros(3), 1)
    peg.step(PERIOD_NS)
    a, b = peg.state(), peg.state()
    assert np.array_equal(a.wrench, b.wrench) and a.stamp_ns == b.stamp_ns


def test_reset_is_a_motion_that_costs_time(peg):
    peg.jump(np.zeros(3), 0)
    peg.apply(np.array([0, 0, 0.02, 0, 0, 0]))
    peg.step(8 * PERIOD_NS)
    before, ticks, path = peg.time_ns, 0, []
    for _ in peg.reset_motion(np.array([1e-3, -1e-3, 0.5e-3]), 3):
        ticks += 1
        path.append(peg.tcp_pose().position)
    assert peg.time_ns - before == ticks * TICK_NS
    assert 1.0 < ticks * 0.01 < 4.0
    assert np.max(np.linalg.norm(np.diff(path, axis=0), axis=1)) < 0.15 * 0.01 * 1.5  # no jump
    moved = peg.start_pose.relative_to(START).position
    assert moved == pytest.approx([1e-3, -1e-3, 0.5e-3], abs=5e-6)


def test_twist_with_nan_is_refused(peg):
    with pytest.raises(ContractError, match="finite"):
        peg.apply(np.array([0, 0, np.nan, 0, 0, 0]))
    with pytest.raises(ContractError, match="multiple"):
        peg.step(1_500_000)


def _push_force(connector):
    """Largest axial force [N] of a slow aligned push before the stop, and the depth reached [m]."""
    sim = InsertionSim(connector)
    start = connector.start
    sim.jump(np.array([*start.lateral_mm, 0.0]) * 1e-3, 0)
    peak, reached = 0.0, 0.0
    for _ in range(500):
        yaw = np.deg2rad(start.yaw_deg) - 2 * sim.tcp_pose().relative_to(START).quaternion[2]
        sim.apply(np.array([0, 0, 0.012, 0, 0, np.clip(3 * yaw, -0.2, 0.2)]))
        sim.step(5 * TICK_NS)
        reached = sim.depth_and_offset()[0]
        if reached > (connector.socket.depth_mm - 1.5) * 1e-3:
            break
        peak = max(peak, -sim.state().wrench[2])
    return peak, reached


@pytest.mark.parametrize("name", ["card-edge-44", "e-model-10p", "jp-ac-plug", "uk-ac-plug"])
def test_retention_force_is_within_30_percent(name):
    connector = load_connector(name)
    peak, reached = _push_force(connector)
    assert reached > (connector.socket.depth_mm - 1.5) * 1e-3
    assert peak == pytest.approx(connector.retention.force_n, rel=0.3)


def test_without_retention_nothing_resists():
    connector = replace(load_connector("jp-ac-plug"), retention=None)
    peak, _ = _push_force(connector)
    assert peak < 6.0


def test_blocked_hole_stops_the_plug():
    connector = load_connector("metal-peg-sq")
    blocked = replace(connector, socket=replace(connector.socket, blocked_depth_mm=5.0))
    sim = InsertionSim(blocked)
    sim.jump(np.array([*blocked.start.lateral_mm, 0.0]) * 1e-3, 0)
    for _ in range(60):
        sim.apply(np.array([0, 0, 0.02, 0, 0, -0.05 if _ < 4 else 0.0]))
        sim.step(PERIOD_NS)
    assert sim.depth_and_offset()[0] == pytest.approx(5e-3, abs=0.3e-3)
    assert not sim.state().inserted
    sim.reset(np.zeros(3), 0)
    assert np.abs(sim.tcp_pose().relative_to(START).position).max() < 1e-6


def test_rim_hardly_yields():
    """Under 80 N the plug sinks by micrometres, not by a chamfer."""
    sim = InsertionSim(load_connector("metal-peg-sq"))
    sim.jump(np.array([3e-3, 3e-3, 0.0]), 0)
    sim.apply(np.array([0.0, 0.0, 0.02, 0.0, 0.0, 0.0]))
    sim.step(50 * PERIOD_NS)
    contacts = [sim.data.contact[i].dist for i in range(sim.data.ncon)]
    assert sim.state().wrench[2] < -70.0 and min(contacts) > -60e-6


def test_scene_has_no_speaking_part_but_plug_and_socket():
    model = build_scene(load_connector("uk-ac-plug"))
    bodies = {model.body(model.geom_bodyid[g]).name for g in np.flatnonzero(model.geom_contype)}
    assert {b for b in bodies if not b.startswith("finger")} == {"tool", "socket"}


def test_a_jammed_plug_is_reported():
    """A plug that 150 N hold down cannot be pulled out; the reset says so and gives up."""
    sim = InsertionSim(load_connector("metal-peg-sq"))
    sim.jump(np.array([*sim.connector.start.lateral_mm, 0.0]) * 1e-3, 0)
    sim.apply(np.array([0, 0, 0.02, 0, 0, 0]))
    sim.step(8 * PERIOD_NS)
    sim.data.xfrc_applied[sim.model.body("tool").id, 2] = -150.0
    with pytest.raises(SimulationError, match="jammed"):
        sim.reset(np.zeros(3), 0)
    sim.data.xfrc_applied[:] = 0.0
    sim.reset(np.zeros(3), 0)
    assert not sim.state().inserted


def test_a_plug_pressed_askew_into_its_socket_is_released():
    """What it was pressed with does not hold it by friction while the reset pulls."""
    sim = InsertionSim(load_connector("ch-ac-plug"))
    start = sim.connector.start
    sim.jump(np.array([*start.lateral_mm, 0.0]) * 1e-3, 0)
    sim.apply(np.array([0, 0, 0.02, 0, 0, np.deg2rad(start.yaw_deg)]))
    sim.step(10 * PERIOD_NS)
    sim.apply(np.array([0, 0, 0.02, 0, 0, 0]))
    sim.step(20 * PERIOD_NS)
    assert sim.depth_and_offset()[0] > 5e-3
    sim.apply(np.array([0.01, 0.01, 0.02, 0.2, 0.2, 0.2]))
    sim.step(40 * PERIOD_NS)
    ticks = sum(1 for _ in sim.reset_motion(np.zeros(3), 0))
    assert ticks * TICK_NS * 1e-9 < 4.0


def test_a_tool_turned_far_away_has_the_time_that_its_way_takes(peg):
    """1.6 rad back take 3.2 s at the speed limit; that is no obstacle."""
    peg.jump(np.zeros(3), 0)
    peg.apply(np.array([0, 0, -0.005, 0, -0.2, 0]))
    peg.step(85 * PERIOD_NS)
    turned = 2 * np.arcsin(np.linalg.norm(peg.tcp_pose().relative_to(START).quaternion[:3]))
    assert turned > 1.5
    peg.reset(np.zeros(3), 0)
    assert np.abs(peg.tcp_pose().relative_to(START).position).max() < 1e-6
