"""The KUKA LBR iiwa 7 R800 as a MuJoCo body tree, with its own primitive visuals.

Kinematics, masses and inertias are the published figures of lbr_fri_ros2_stack
(lbr_description/urdf/iiwa7); joint torque limits are the manufacturer's.
"""

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.errors import SimulationError
from oda_core.se3 import Pose

JOINT_NAMES = tuple(f"lbr_A{i}" for i in range(1, 8))
FLANGE_OFFSET_M = 0.035
TCP_OFFSET_M = 0.16  # from the flange to the tip of the plug's longest pin
HOME_RAD = np.array([0.0, 0.59965, 0.0, -1.59669, 0.0, 0.94526, 0.0])  # TCP down at (0.55, 0, 0.15)
ROTOR_INERTIA_KG_M2 = 0.05
JOINT_DAMPING_NMS = 0.5
POSTURE_STIFFNESS_NM = 1.0  # holds the elbow in the null space; 0.1 N at the TCP within 15 mm

ORANGE = (0.96, 0.42, 0.06, 1.0)
SILVER = (0.78, 0.79, 0.80, 1.0)
GRAPHITE = (0.16, 0.17, 0.19, 1.0)


class Link(NamedTuple):
    """One link and the joint that carries it; lengths [m], mass [kg], inertia [kg m²]."""

    origin: tuple[float, float, float]
    axis: tuple[int, int, int]
    limit_deg: float
    speed_deg_s: float
    torque_nm: float
    mass: float
    center: tuple[float, float, float]
    inertia: tuple[float, float, float, float]  # Ixx, Iyy, Izz, Iyz


Z, Y, MINUS_Y = (0, 0, 1), (0, 1, 0), (0, -1, 0)
LINKS = (
    Link((0, 0, 0.1475), Z, 170, 98, 176, 3.394011, (0, -0.034819, 0.123299),
         (0.021383, 0.020403, 0.007563, 0.003797)),
    Link((0, -0.0105, 0.1925), Y, 120, 98, 176, 4.031991, (0, 0.039793, 0.086944),
         (0.031697, 0.03008, 0.009666, 0.005889)),
    Link((0, 0.0105, 0.2075), Z, 170, 100, 110, 3.394011, (0, 0.034819, 0.123299),
         (0.021383, 0.020403, 0.007563, -0.003797)),
    Link((0, 0.0105, 0.1925), MINUS_Y, 120, 130, 110, 4.031989, (0, -0.039793, 0.086944),
         (0.031695, 0.030079, 0.009665, -0.005889)),
    Link((0, -0.0105, 0.2075), Z, 170, 140, 110, 1.529239, (0, -0.029824, 0.076267),
         (0.008485, 0.007136, 0.003848, 0.002806)),
    Link((0, -0.0707, 0.1925), Y, 120, 180, 40, 2.403626, (0, 0.07102, 0.00495),
         (0.007067, 0.006804, 0.004629, 0.000311)),
    Link((0, 0.0707, 0.091), Z, 175, 180, 40, 0.259474, (3e-6, -2e-6, 0.013782),
         (0.000171, 0.000171, 0.000299, 0.0)),
)  # fmt: skip


def add_arm(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    """Add base and seven links to the world of spec; the base frame is the world frame.

    Returns:
        The flange body, z out of the flange.
    """
    body = spec.worldbody.add_body(name="lbr_link_0", gravcomp=1.0)
    _set_inertia(body, 4.855658, (-0.012857, 0, 0.069964),
                 (0.017839, 0.022294, 0.021334, 0.0, 0.000781, 0.0))  # fmt: skip
    _cylinder(body, (0, 0, 0), (0, 0, 0.10), 0.095, SILVER)
    _cylinder(body, (0, 0, 0.10), (0, 0, 0.115), 0.088, ORANGE)
    for index, link in enumerate(LINKS):
        body = body.add_body(name=f"lbr_link_{index + 1}", pos=link.origin, gravcomp=1.0)
        ixx, iyy, izz, iyz = link.inertia
        _set_inertia(body, link.mass, link.center, (ixx, iyy, izz, 0.0, 0.0, iyz))
        _add_joint(body, index, link)
        _dress(body, index)
    flange = body.add_body(name="flange", pos=(0, 0, FLANGE_OFFSET_M), gravcomp=1.0)
    flange.mass, flange.inertia, flange.explicitinertial = 1e-3, (1e-6, 1e-6, 1e-6), True
    return flange


def _set_inertia(
    body: mujoco.MjsBody,
    mass: float,
    center: tuple[float, float, float],
    full: tuple[float, float, float, float, float, float],
) -> None:
    body.mass, body.ipos, body.fullinertia = mass, center, full
    body.explicitinertial = True


def _add_joint(body: mujoco.MjsBody, index: int, link: Link) -> None:
    limit = np.deg2rad(link.limit_deg)
    joint = body.add_joint(name=JOINT_NAMES[index], axis=link.axis, range=(-limit, limit))
    joint.type = mujoco.mjtJoint.mjJNT_HINGE
    joint.limited = True
    joint.armature = ROTOR_INERTIA_KG_M2
    joint.damping = linear(JOINT_DAMPING_NMS)
    joint.stiffness = linear(POSTURE_STIFFNESS_NM)
    joint.springref = HOME_RAD[index]
    joint.actfrcrange = (-link.torque_nm, link.torque_nm)
    joint.actfrclimited = True


def _dress(body: mujoco.MjsBody, index: int) -> None:
    """Visual geoms of one link: silver limbs, orange joint caps; no collision."""
    last = len(LINKS) - 1
    if index == last:
        _cylinder(body, (0, 0, -0.03), (0, 0, 0.03), 0.045, SILVER)
        _cylinder(body, (0, 0, 0.03), (0, 0, FLANGE_OFFSET_M), 0.047, GRAPHITE)
        return
    radius = 0.068 - 0.003 * index
    following = np.array(LINKS[index + 1].origin, float)
    if LINKS[index].axis == Z:
        top = (0.0, 0.0, float(following[2]))
        _capsule(body, (0, 0, 0.0), top, radius, SILVER)
        _cylinder(body, (0, 0, 0.012), (0, 0, 0.026), radius + 0.003, ORANGE)
        return
    cap = radius * 0.98
    _cylinder(body, (0, -cap, 0), (0, cap, 0), radius, SILVER)
    for sign in (-1.0, 1.0):
        _cylinder(body, (0, sign * cap, 0), (0, sign * (cap + 0.006), 0), radius * 0.8, ORANGE)
    if index < last - 1:
        _capsule(body, (0, 0, 0), (0, 0, float(following[2]) - 0.04), radius - 0.004, SILVER)


def _cylinder(
    body: mujoco.MjsBody,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius: float,
    rgba: tuple[float, float, float, float],
) -> None:
    _visual(body, mujoco.mjtGeom.mjGEOM_CYLINDER, (*start, *end), radius, rgba)


def _capsule(
    body: mujoco.MjsBody,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius: float,
    rgba: tuple[float, float, float, float],
) -> None:
    _visual(body, mujoco.mjtGeom.mjGEOM_CAPSULE, (*start, *end), radius, rgba)


def _visual(
    body: mujoco.MjsBody,
    kind: mujoco.mjtGeom,
    fromto: tuple[float, ...],
    radius: float,
    rgba: tuple[float, float, float, float],
) -> None:
    body.add_geom(
        type=kind, fromto=fromto, size=(radius, 0, 0), rgba=rgba,
        contype=0, conaffinity=0, group=2, mass=0.0,
    )  # fmt: skip


def solve_joints(
    model: mujoco.MjModel, site: int, target: Pose, start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Joint angles (7,) [rad] nearest to start that bring a site to target in the base frame.

    Damped least squares on the SE(3) error, without null-space motion; deterministic.

    Raises:
        SimulationError: the pose is out of reach.
    """
    data = mujoco.MjData(model)
    data.qpos[:7] = start
    jacobian = np.zeros((6, model.nv))
    quaternion = np.zeros(4)
    error = np.zeros(6)
    goal = np.roll(target.quaternion, 1)  # MuJoCo keeps w first
    for _ in range(60):
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[site])
        mujoco.mju_subQuat(error[3:], goal, quaternion)
        error[3:] = data.site_xmat[site].reshape(3, 3) @ error[3:]
        error[:3] = target.position - data.site_xpos[site]
        if np.linalg.norm(error) < 1e-10:
            return data.qpos[:7].copy()
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], site)
        arm = jacobian[:, :7]
        data.qpos[:7] += arm.T @ np.linalg.solve(arm @ arm.T + 1e-8 * np.eye(6), error)
    raise SimulationError(
        f"no arm posture reaches TCP position {np.round(target.position, 4).tolist()}: "
        f"error {np.linalg.norm(error):.2e}, expected below 1e-10; "
        "bring the connector's start closer to (0.55, 0, 0.15) m"
    )


def linear(coefficient: float) -> tuple[float, float, float]:
    """A linear spring or damper, as MuJoCo's polynomial coefficients."""
    return (coefficient, 0.0, 0.0)
