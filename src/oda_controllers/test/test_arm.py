"""The law on the simulated iiwa 7: energy, and the same motion as the native actuators."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from oda_core.errors import SimulationError
from oda_core.impedance import ImpedanceSettings
from oda_core.se3 import quat_from_rotvec, rotvec_from_quat
from oda_core.spec import TaskSpec
from oda_sim.arm import LINKS
from oda_sim.cell import STALE_NS
from oda_sim.connector import load_connector
from oda_sim.drive import check_drive
from oda_sim.env import InsertionEnv
from oda_sim.insertion import InsertionSim
from oda_sim.law import Law, Reason
from oda_sim.parts import Limits
from oda_sim.scene import build_scene
from oda_sim.torque import ArmSensor

PEG = load_connector("metal-peg-sq")
pytestmark = [pytest.mark.usefixtures("law_library"), pytest.mark.timeout(900)]  # compiles


@pytest.fixture(scope="module")
def arm():
    """The arm without friction of its own: only the law takes energy out."""
    model = build_scene(PEG, "torque")
    model.dof_damping[:7] = 0
    model.geom_contype[:] = 0
    return model


class Swing:
    """An arm that was kicked, with its energy."""

    def __init__(self, model, settings, kick):
        self.model, self.data, self.settings = model, mujoco.MjData(model), settings
        self.data.qpos[:7] = [0.1, 0.6, -0.1, -1.5, 0.2, 0.9, 0.0]
        mujoco.mj_forward(model, self.data)
        self.sensor, self.law = ArmSensor(model), Law(settings)
        self.law.start(self.sensor.read(self.data))
        self.data.qvel[:7] = kick
        mujoco.mj_forward(model, self.data)

    def energy(self):
        """Kinetic, and in the spring [J]."""
        measured = self.sensor.read(self.data)
        velocity = measured.velocity
        spring = 0.5 * self.settings.stiffness @ self.law.set_point**2
        return 0.5 * velocity @ measured.mass @ velocity + spring

    def step(self, push=0.0):
        mujoco.mj_step1(self.model, self.data)
        reason = self.law.update(self.sensor.read(self.data), 1e-3)
        self.data.ctrl[:] = self.law.torque
        self.data.qfrc_applied[:7] = push
        mujoco.mj_step2(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)
        return reason


@pytest.mark.parametrize("seed", range(4))
def test_a_kicked_arm_only_loses_energy(arm, seed):
    """Passive in free space, with the set-point at rest; the elbow hangs free of any spring."""
    kick = 0.06 * np.random.default_rng(seed).standard_normal(7)
    free = replace(ImpedanceSettings(), posture_stiffness_nm_rad=0.0, torque_rate_nm_s=10000.0)
    swing = Swing(arm, free, kick)
    swing.step()
    energies = [swing.energy()]
    for _ in range(1500):
        assert swing.step() in (Reason.NONE, Reason.STALE)  # no limit binds
        energies.append(swing.energy())
    assert energies[0] > 1e-3
    assert np.max(np.diff(energies)) < 1e-9
    assert energies[-1] < 1e-6 * energies[0]


@pytest.mark.parametrize("seed", range(2))
def test_who_pushes_the_arm_gets_no_more_energy_than_he_gave(arm, seed):
    """Port passivity: what flows in is at least what is stored, with the posture's spring too."""
    rng = np.random.default_rng(seed)
    swing = Swing(arm, replace(ImpedanceSettings(), torque_rate_nm_s=10000.0), np.zeros(7))
    push, given = np.zeros(7), 0.0
    for i in range(2000):
        if i % 50 == 0:
            push = rng.uniform(-4, 4, 7) * (i < 1500)
        before = swing.data.qvel[:7].copy()
        swing.step(push)
        given += push @ (before + swing.data.qvel[:7]) / 2 * 1e-3
        assert swing.energy() <= given + 1e-3
    assert given > 0.05


def test_the_law_moves_as_the_native_actuators_do():
    """The same twists in the air and into contact: the paths differ by parts of a millimetre."""
    rng = np.random.default_rng(0)
    wander = [rng.uniform(-0.02, 0.02, 3) * [1, 1, 0.3] for _ in range(15)]
    push = [np.array([0.0, 0.0, 0.02])] * 10
    native, torque = (InsertionSim(PEG, 0, drive) for drive in ("native", "torque"))
    gaps, forces = [], []
    for linear in wander + push:
        for sim in (native, torque):
            sim.apply(np.append(linear, [0.02, 0.0, 0.05]))
            sim.step(TaskSpec().period_ns)
        gap = native.tcp_pose().relative_to(torque.tcp_pose())
        turn = rotvec_from_quat(gap.quaternion)
        gaps.append([np.linalg.norm(gap.position), np.linalg.norm(turn)])
        forces.append([np.linalg.norm(sim.state().wrench[:3]) for sim in (native, torque)])
    assert np.all(np.max(gaps, axis=0) < [5e-4, 4e-3])  # [m, rad]
    assert forces[-1][0] > 15
    assert forces[-1][0] == pytest.approx(forces[-1][1], rel=0.05)


def test_insertion_and_reset_under_the_law():
    """The law pulls the plug out, returns to the start and begins the next episode exactly."""
    env = InsertionEnv("metal-peg-rd", drive="torque")
    first, _ = env.reset(seed=3)
    for _ in range(20):
        state = env.step(np.array([0.3, 0, 1, 0, 0, 0], np.float32))[0]
    again, info = env.reset(seed=3)
    assert not np.allclose(state, first, atol=0.1)
    assert np.array_equal(first, again)
    assert info["robot_time_s"] > 0.5


def test_estimated_wrench_is_that_of_the_force_sensor(arm):
    """A force on the resting tool, seen through the joint torques that hold it."""
    swing = Swing(arm, ImpedanceSettings(), np.zeros(7))
    tool, site = arm.body("tool").id, swing.sensor.tcp
    force = np.array([6.0, -4.0, 8.0])
    for _ in range(1500):
        lever = swing.data.site_xpos[site] - swing.data.xipos[tool]
        swing.data.xfrc_applied[tool] = np.append(force, np.cross(lever, force))
        swing.step()
    felt = swing.law.external_wrench(-swing.law.torque)
    rotation = swing.data.site_xmat[site].reshape(3, 3)
    assert np.allclose(rotation @ felt[:3], force, atol=0.1)
    assert np.allclose(felt[3:], 0, atol=0.05)


def test_figures_have_one_home():
    figures = ImpedanceSettings()
    assert figures.torque_limit_nm == tuple(link.torque_nm for link in LINKS)
    assert figures.command_timeout_s == STALE_NS * 1e-9
    assert Limits().lateral_n == figures.lateral_force_n
    assert Limits().axial_n == figures.axial_force_n


def test_an_unknown_drive_is_refused():
    with pytest.raises(SimulationError, match="native"):
        check_drive("hydraulic")


def test_a_turned_set_point_is_on_the_leash_too():
    sim = InsertionSim(PEG, 0, "torque")
    for _ in range(10):
        sim.apply(np.array([0, 0, 0, 0, 0, 0.5]))
        sim.step(TaskSpec().period_ns)
    turned = sim.tcp_pose().relative_to(sim.start_pose).quaternion
    expected = quat_from_rotvec([0, 0, 0.5 * 0.99])
    assert np.allclose(turned, expected, atol=5e-3)
