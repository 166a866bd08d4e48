"""Figures of the Cartesian impedance that robot and simulation share; each stands only here.

The controller's ROS parameters have the same names, defaults and bounds, which a test compares.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from oda_core.settings import setting


@dataclass(frozen=True, kw_only=True)
class ImpedanceSettings:
    """Stiffness, limits and rates of the 1 kHz law, in the order in which its header reads them."""

    linear_stiffness_n_m: float = setting(
        2000.0, "Translational stiffness at the TCP [N/m]", bounds=(50.0, 5000.0)
    )
    angular_stiffness_nm_rad: float = setting(
        150.0, "Rotational stiffness at the TCP [Nm/rad]", bounds=(5.0, 300.0)
    )
    damping_ratio: float = setting(
        1.0, "Damping ratio of every mode of TCP inertia and stiffness", bounds=(0.3, 2.0)
    )
    lateral_force_n: float = setting(
        30.0, "Largest static force along each of the TCP's x and y axes [N]", bounds=(1.0, 200.0)
    )
    axial_force_n: float = setting(
        90.0, "Largest static force along the TCP's z axis [N]", bounds=(1.0, 300.0)
    )
    rotation_leash_rad: float = setting(
        0.1, "Furthest rotation of the set-point off the measured pose, per axis [rad]",
        bounds=(0.01, 0.3),
    )  # fmt: skip
    linear_speed_m_s: float = setting(
        0.1, "Largest linear speed of the set-point per axis [m/s]", bounds=(0.001, 0.25)
    )
    angular_speed_rad_s: float = setting(
        0.5, "Largest angular speed of the set-point per axis [rad/s]", bounds=(0.01, 1.0)
    )
    linear_acceleration_m_s2: float = setting(
        4.0, "Largest linear acceleration of the set-point per axis [m/s^2]", bounds=(0.5, 20.0)
    )
    angular_acceleration_rad_s2: float = setting(
        40.0, "Largest angular acceleration of the set-point per axis [rad/s^2]",
        bounds=(5.0, 200.0),
    )  # fmt: skip
    linear_jerk_m_s3: float = setting(
        200.0, "Largest linear jerk of the set-point per axis [m/s^3]", bounds=(10.0, 2000.0)
    )
    angular_jerk_rad_s3: float = setting(
        2000.0, "Largest angular jerk of the set-point per axis [rad/s^3]", bounds=(100.0, 20000.0)
    )
    command_timeout_s: float = setting(
        0.25, "The set-point stands still so long after the last command [s]", bounds=(0.05, 1.0)
    )
    posture_stiffness_nm_rad: float = setting(
        10.0, "Stiffness that holds the elbow, without effect on the TCP [Nm/rad]",
        bounds=(0.0, 50.0),
    )  # fmt: skip
    posture_damping_nms_rad: float = setting(
        4.0, "Damping of the elbow, without effect on the TCP [Nms/rad]", bounds=(0.0, 20.0)
    )
    torque_rate_nm_s: float = setting(
        1000.0, "Largest change of each joint torque in a second [Nm/s]", bounds=(10.0, 10000.0)
    )
    joint_step_rad: float = setting(
        0.02, "Change of a measured joint position between two cycles that counts as a fault [rad]",
        bounds=(0.005, 0.2),
    )  # fmt: skip
    torque_limit_nm: tuple[float, ...] = setting(
        (176.0, 176.0, 110.0, 110.0, 110.0, 40.0, 40.0),
        "Largest torque of each joint besides gravity compensation [Nm]",
        bounds=(1.0, 320.0),
    )

    def __post_init__(self) -> None:
        if len(self.torque_limit_nm) != 7:
            raise ValueError(f"torque_limit_nm: found {self.torque_limit_nm}, expected 7 numbers")

    @property
    def stiffness(self) -> NDArray[np.float64]:
        """Of the six axes, (6,) [N/m, Nm/rad]."""
        return np.repeat([self.linear_stiffness_n_m, self.angular_stiffness_nm_rad], 3)

    @property
    def leash(self) -> NDArray[np.float64]:
        """Furthest distance of the set-point from the measured pose, (6,) [m, rad]: F_max / K."""
        forces = np.array([self.lateral_force_n, self.lateral_force_n, self.axial_force_n])
        return np.append(forces / self.linear_stiffness_n_m, [self.rotation_leash_rad] * 3)

    def flat(self) -> NDArray[np.float64]:
        """All figures in order, (24,)."""
        *numbers, torque = astuple(self)
        return np.array([*numbers, *torque], np.float64)
