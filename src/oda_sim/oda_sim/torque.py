"""The robot's control law on seven joint torques, one update a millisecond."""

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.errors import SimulationError
from oda_core.impedance import ImpedanceSettings
from oda_sim.arm import JOINT_NAMES, linear
from oda_sim.law import Law, Measurement, Reason
from oda_sim.parts import Limits

Vector = NDArray[np.float64]
ARM = slice(0, len(JOINT_NAMES))


def add_motors(spec: mujoco.MjSpec) -> None:
    """Add a motor to each joint of the arm; that the elbow stays is the law's task then."""
    for name in JOINT_NAMES:
        spec.joint(name).stiffness = linear(0.0)
        motor = spec.add_actuator(
            name=f"motor_{name}", trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name
        )
        motor.set_to_motor()


def settings_for(limits: Limits) -> ImpedanceSettings:
    """The law's figures with the force limits of a connector."""
    return replace(
        ImpedanceSettings(), lateral_force_n=limits.lateral_n, axial_force_n=limits.axial_n
    )


class ArmSensor:
    """Reads joints, pose and model of the arm, as the robot's controller gets them."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the TCP."""
        self.measured = Measurement()
        self.tcp = model.site("tcp").id
        self._model = model
        self._jacobian = np.zeros((6, model.nv))
        self._mass = np.zeros((model.nv, model.nv))

    def read(self, data: mujoco.MjData) -> Measurement:
        """Measure now; positions and velocities of data must be worked out already."""
        model, measured, jacobian = self._model, self.measured, self._jacobian
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], self.tcp)
        mujoco.mj_fullM(model, data, self._mass)
        measured.position[:] = data.qpos[ARM]
        measured.velocity[:] = data.qvel[ARM]
        measured.tcp_position[:] = data.site_xpos[self.tcp]
        measured.tcp_rotation[:] = data.site_xmat[self.tcp].reshape(3, 3)
        measured.jacobian[:] = jacobian[:, ARM]
        measured.mass[:] = self._mass[ARM, ARM]
        return measured


class TorqueDrive:
    """Commands the motors of a compiled scene.

    Attributes:
        reason: what bound the last update.
    """

    def __init__(self, model: mujoco.MjModel, limits: Limits) -> None:
        """Find the motors of a model built by add_motors."""
        first = model.actuator(f"motor_{JOINT_NAMES[0]}").id
        self._slice = slice(first, first + len(JOINT_NAMES))
        self._model = model
        self._settings = settings_for(limits)
        self._law = Law(self._settings)
        self._sensor = ArmSensor(model)
        start = np.zeros(9)
        mujoco.mju_quat2Mat(start, model.body("start").quat)
        self._start = start.reshape(3, 3)
        self.reason = Reason.NOT_STARTED

    def begin(self, data: mujoco.MjData) -> None:
        """Forget all before, and put the set-point on the measured pose."""
        self._law = Law(self._settings)
        self.hold(data)

    def hold(self, data: mujoco.MjData) -> None:
        """Put the set-point on the measured pose."""
        if not self._law.start(self._sensor.read(data)):
            raise SimulationError("the control law refuses the measured state: it is not finite")

    def command(self, data: mujoco.MjData, twist: Vector) -> None:
        """Command a TCP twist (6,) in the TCP frame [m/s, rad/s]."""
        del data
        self._law.command(twist)

    def command_start_frame(self, data: mujoco.MjData, velocity: Vector) -> None:
        """Command a set-point velocity (6,) in the start frame [m/s, rad/s]."""
        rotation = self._start.T @ data.site_xmat[self._sensor.tcp].reshape(3, 3)
        self._law.command((velocity.reshape(2, 3) @ rotation).ravel())

    def advance(self, data: mujoco.MjData, steps: int) -> None:
        """Advance the physics by so many steps, with an update of the law in each.

        Raises:
            SimulationError: the law found the arm's state unusable.
        """
        model, period_s = self._model, float(self._model.opt.timestep)
        for _ in range(steps):
            mujoco.mj_step1(model, data)
            self.reason = self._law.update(self._sensor.read(data), period_s)
            data.ctrl[self._slice] = self._law.torque
            mujoco.mj_step2(model, data)
        if self.reason >= Reason.BAD_STATE:
            raise SimulationError(f"the control law stopped: {self.reason.name}")
