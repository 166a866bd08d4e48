"""What moves the arm: the simulation's own actuators, or the robot's control law by torques."""

from typing import Literal, Protocol, get_args

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.errors import SimulationError
from oda_sim.impedance import Impedance, add_impedance
from oda_sim.parts import Limits
from oda_sim.torque import TorqueDrive, add_motors

DriveName = Literal["native", "torque"]


class Drive(Protocol):
    """An impedance at the TCP whose set-point moves with a commanded twist."""

    def begin(self, data: mujoco.MjData) -> None:
        """Forget all before, and put the set-point on the measured pose."""
        ...

    def hold(self, data: mujoco.MjData) -> None:
        """Put the set-point on the measured pose."""
        ...

    def command(self, data: mujoco.MjData, twist: NDArray[np.float64]) -> None:
        """Command a TCP twist (6,) in the TCP frame [m/s, rad/s]."""
        ...

    def command_start_frame(self, data: mujoco.MjData, velocity: NDArray[np.float64]) -> None:
        """Command a set-point velocity (6,) in the start frame [m/s, rad/s]."""
        ...

    def advance(self, data: mujoco.MjData, steps: int) -> None:
        """Advance the physics by so many steps."""
        ...


def check_drive(name: str) -> DriveName:
    """The name of a drive.

    Raises:
        SimulationError: there is no such drive.
    """
    for known in get_args(DriveName):
        if name == known:
            return known
    raise SimulationError(f"drive: found {name!r}, expected one of {get_args(DriveName)}")


def add_drive(spec: mujoco.MjSpec, name: DriveName) -> None:
    """Add the actuators of a drive to a scene with arm and sites."""
    if name == "native":
        add_impedance(spec)
    else:
        add_motors(spec)


def make_drive(name: DriveName, model: mujoco.MjModel, limits: Limits) -> Drive:
    """Command the actuators that add_drive added."""
    return Impedance(model, limits) if name == "native" else TorqueDrive(model, limits)
