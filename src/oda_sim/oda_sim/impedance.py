"""The Cartesian impedance controller as six native MuJoCo actuators, evaluated every millisecond.

Axis i of the start frame: force = K (x_d - x) + D (v_d - v). The actuator integrates the set-point
x_d (its activation) from the commanded velocity v_d (its control) and D v_d enters as a bias.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.impedance import ImpedanceSettings
from oda_sim.parts import Limits

STIFFNESS = ImpedanceSettings().stiffness  # (6,) [N/m, Nm/rad]
DAMPING = np.array([220.0, 220.0, 220.0, 8.0, 8.0, 8.0])  # [Ns/m, Nms/rad]
ROTATION_LEASH_RAD = ImpedanceSettings().rotation_leash_rad
AXES = ("x", "y", "z", "rx", "ry", "rz")


def add_impedance(spec: mujoco.MjSpec) -> None:
    """Add the six actuators between the sites `tcp` and `start`."""
    for i, axis in enumerate(AXES):
        actuator = spec.add_actuator(
            name=f"impedance_{axis}", trntype=mujoco.mjtTrn.mjTRN_SITE, target="tcp",
            refsite="start", gear=np.eye(6)[i],
        )  # fmt: skip
        actuator.set_to_intvelocity(kp=float(STIFFNESS[i]), kv=float(DAMPING[i]))


def leash(limits: Limits) -> NDArray[np.float64]:
    """Furthest distance of the set-point from the measured pose, (6,) [m, rad]: F_max / K."""
    lateral, axial = limits.lateral_n / STIFFNESS[0], limits.axial_n / STIFFNESS[2]
    return np.array([lateral, lateral, axial, *(ROTATION_LEASH_RAD,) * 3])


class Impedance:
    """Commands the actuators of a compiled scene."""

    def __init__(self, model: mujoco.MjModel, limits: Limits) -> None:
        """Find the actuators of a model built by add_impedance."""
        first = model.actuator(f"impedance_{AXES[0]}").id
        self._slice = slice(first, first + len(AXES))
        self._leash = leash(limits)
        self._model = model
        start = np.zeros(9)
        mujoco.mju_quat2Mat(start, model.body("start").quat)
        self._start = start.reshape(3, 3)
        self._tcp = model.site("tcp").id

    def begin(self, data: mujoco.MjData) -> None:
        """Put the set-point on the measured pose."""
        self.hold(data)

    def hold(self, data: mujoco.MjData) -> None:
        """Put the set-point on the measured pose."""
        data.act[self._slice] = data.actuator_length[self._slice]

    def set_point(self, data: mujoco.MjData) -> NDArray[np.float64]:
        """Set-point in the start frame, (6,) [m, rad]."""
        return data.act[self._slice].copy()

    def command(self, data: mujoco.MjData, twist: NDArray[np.float64]) -> None:
        """Command a TCP twist (6,) in the TCP frame [m/s, rad/s] and keep the leash short."""
        rotation = self._start.T @ data.site_xmat[self._tcp].reshape(3, 3)
        self.command_start_frame(data, (twist.reshape(2, 3) @ rotation.T).ravel())

    def command_start_frame(self, data: mujoco.MjData, velocity: NDArray[np.float64]) -> None:
        """Command a set-point velocity (6,) in the start frame [m/s, rad/s]."""
        measured = data.actuator_length[self._slice]
        act = data.act[self._slice]
        np.maximum(act, measured - self._leash, out=act)
        np.minimum(act, measured + self._leash, out=act)
        data.ctrl[self._slice] = velocity
        self._model.actuator_biasprm[self._slice, 0] = DAMPING * velocity

    def advance(self, data: mujoco.MjData, steps: int) -> None:
        """Advance the physics by so many steps."""
        mujoco.mj_step(self._model, data, nstep=steps)
