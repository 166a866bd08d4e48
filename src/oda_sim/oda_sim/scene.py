"""One MuJoCo model per connector: cell, arm, tool with plug, socket on its mount, impedance."""

import mujoco
import numpy as np

from oda_core.homing import START
from oda_core.se3 import Pose, quat_from_rotvec
from oda_sim.arm import GRAPHITE, ORANGE, TCP_OFFSET_M, add_arm
from oda_sim.connector import Connector
from oda_sim.drive import DriveName, add_drive
from oda_sim.outline import MM
from oda_sim.plug import add_plug
from oda_sim.socket import add_socket

TIMESTEP_S = 1e-3
TOOL_MASS_KG = 0.9
TOOL_CENTER_M = (0.0, 0.0, 0.07)  # in the flange frame
SOLREF = (0.002, 1.0)
SOLIMP = (0.95, 0.99, 0.0005, 0.5, 2.0)


def socket_pose(connector: Connector) -> Pose:
    """Mating face of the socket in the base frame: the nominal start pose moved by `start`."""
    start = connector.start
    offset = np.array([*start.lateral_mm, start.height_mm]) * MM
    turn = quat_from_rotvec([0.0, 0.0, np.deg2rad(start.yaw_deg)])
    return START.compose(Pose(offset, turn))


def build_spec(connector: Connector, drive: DriveName = "native") -> mujoco.MjSpec:
    """The scene before compilation, to add cameras or geoms to it."""
    spec = mujoco.MjSpec()
    spec.modelname = connector.name
    _set_options(spec)
    _add_cell(spec)
    flange = add_arm(spec)
    tool = _add_tool(flange)
    add_plug(spec, tool, connector)
    tool.add_site(name="tcp", pos=(0, 0, TCP_OFFSET_M), size=(0.001,) * 3, group=4)
    add_socket(spec, connector, socket_pose(connector))
    start = spec.worldbody.add_body(name="start", pos=START.position, quat=_wxyz(START))
    start.add_site(name="start", size=(0.001,) * 3, group=4)
    add_drive(spec, drive)
    for kind, name in ((mujoco.mjtSensor.mjSENS_FORCE, "force"),
                       (mujoco.mjtSensor.mjSENS_TORQUE, "torque")):  # fmt: skip
        spec.add_sensor(type=kind, name=name, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="tcp")
    return spec


def build_scene(connector: Connector, drive: DriveName = "native") -> mujoco.MjModel:
    """The compiled scene of a connector."""
    return build_spec(connector, drive).compile()


def _wxyz(pose: Pose) -> np.ndarray:
    return np.roll(pose.quaternion, 1)


def _set_options(spec: mujoco.MjSpec) -> None:
    option = spec.option
    option.timestep = TIMESTEP_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    option.impratio = 10.0
    spec.compiler.autolimits = True
    spec.compiler.degree = False
    spec.default.geom.solref = SOLREF
    spec.default.geom.solimp = SOLIMP
    spec.default.geom.condim = 4
    spec.default.geom.margin = 0.0
    spec.visual.map.znear = 0.005
    spec.visual.quality.shadowsize = 4096
    spec.visual.headlight.ambient = (0.42, 0.42, 0.42)
    spec.visual.headlight.diffuse = (0.40, 0.40, 0.40)
    spec.visual.headlight.specular = (0.1, 0.1, 0.1)
    spec.visual.map.shadowscale = 0.5
    spec.stat.extent, spec.stat.center = 0.9, (0.4, 0.0, 0.3)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080


def _add_tool(flange: mujoco.MjsBody) -> mujoco.MjsBody:
    """Force/torque sensor and gripper; the tool frame is the flange frame."""
    tool = flange.add_body(name="tool", gravcomp=1.0)
    tool.mass, tool.ipos, tool.inertia = TOOL_MASS_KG, TOOL_CENTER_M, (2e-3, 2e-3, 8e-4)
    tool.explicitinertial = True
    cylinder, box = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_BOX
    for kind, size, height, rgba in (
        (cylinder, (0.0375, 0.015, 0), 0.015, GRAPHITE),
        (cylinder, (0.0385, 0.002, 0), 0.030, ORANGE),
        (box, (0.026, 0.022, 0.030), 0.062, (0.30, 0.31, 0.33, 1)),
        (box, (0.029, 0.025, 0.004), 0.088, GRAPHITE),
    ):
        tool.add_geom(type=kind, size=size, pos=(0, 0, height), rgba=rgba, mass=0.0,
                      contype=0, conaffinity=0, group=2)  # fmt: skip
    return tool


def _add_cell(spec: mujoco.MjSpec) -> None:
    """Floor, table, and lights; nothing here touches the robot."""
    world = spec.worldbody
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, width=256, height=256,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.93, 0.95, 0.97), rgb2=(0.62, 0.68, 0.75),
    )  # fmt: skip
    world.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.55, 0.45, 0.02), pos=(0.35, 0, -0.021),
        rgba=(0.74, 0.75, 0.76, 1), contype=0, conaffinity=0, group=2,
    )  # fmt: skip
    world.add_light(pos=(1.0, -0.5, 1.5), dir=(-0.4, 0.4, -1.2), diffuse=(0.45, 0.45, 0.45),
                    specular=(0.2, 0.2, 0.2))  # fmt: skip
    world.add_light(pos=(-0.3, 0.8, 1.2), dir=(0.6, -0.6, -1.0), diffuse=(0.2, 0.2, 0.2),
                    specular=(0.0, 0.0, 0.0), castshadow=False)  # fmt: skip
