"""The socket: walls cut around its holes, one stop floor, spring fingers, a compliant mount."""

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from oda_core.se3 import Pose
from oda_sim.arm import linear
from oda_sim.geometry import Array, Wall, cut_plate
from oda_sim.outline import MM, placed, plate, prisms
from oda_sim.plug import PLUG_TYPE, SOCKET_TYPE, add_convex, prism
from oda_sim.retention import Finger, fingers

if TYPE_CHECKING:
    from oda_sim.connector import Connector

FLOOR_HALF_M = 0.003
FLOOR = "floor"  # name of the stop's geom
MOUNT_DAMPING_RATIO = 0.5
FACE_COLOR = (0.20, 0.42, 0.52, 1.0)
FINGER_COLOR = (0.85, 0.65, 0.25, 1.0)
STAND_COLOR = (0.38, 0.39, 0.42, 1.0)


def add_socket(spec: mujoco.MjSpec, connector: "Connector", pose: Pose) -> None:
    """Add the socket body at pose (base frame): z into the socket, origin on its face."""
    body = spec.worldbody.add_body(
        name="socket", pos=pose.position, quat=np.roll(pose.quaternion, 1), gravcomp=1.0
    )
    mass = connector.socket.mount.mass_kg
    body.mass, body.inertia, body.explicitinertial = mass, (mass * 1e-3,) * 3, True
    _mount(body, connector)
    depth = connector.socket.depth_mm * MM
    blocked = connector.socket.blocked_depth_mm
    stop = depth if blocked is None else blocked * MM
    friction = connector.socket.friction
    holes = [part.hole for part in prisms(connector)]
    for index, wall in enumerate(cut_plate(plate(connector), holes) if holes else []):
        if isinstance(wall, Wall):
            _wall(body, wall, (wall.recess_m, depth), friction)
        else:
            add_convex(spec, f"slab_{index}", prism(wall.polygon, wall.recess_m, depth))
            _collide(body, f"slab_{index}", friction)
    for index, mesh in enumerate(connector.socket.meshes):
        add_convex(spec, f"socket_{index}", placed(mesh))
        _collide(body, f"socket_{index}", friction)
    outline = plate(connector)
    center = np.array([outline.x0 + outline.x1, outline.y0 + outline.y1]) / 2
    half = np.array([outline.x1 - outline.x0, outline.y1 - outline.y0]) / 2
    _wall(body, Wall(center, half, 0.0), (stop, stop + 2 * FLOOR_HALF_M), friction, FLOOR)
    for index, finger in enumerate(fingers(connector)):
        _finger(body, index, finger, friction)
    _add_stand(spec, pose, half, depth)


def _mount(body: mujoco.MjsBody, connector: "Connector") -> None:
    mount = connector.socket.mount
    damping = 2 * MOUNT_DAMPING_RATIO * np.sqrt(mount.stiffness_n_m * mount.mass_kg)
    for name, axis in (("x", (1, 0, 0)), ("y", (0, 1, 0)), ("z", (0, 0, 1))):
        body.add_joint(
            name=f"mount_{name}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis,
            stiffness=linear(mount.stiffness_n_m), damping=linear(damping),
        )  # fmt: skip


def _wall(
    body: mujoco.MjsBody, wall: Wall, span: tuple[float, float], friction: float, name: str = ""
) -> None:
    low, high = span
    body.add_geom(
        name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=(*wall.half, (high - low) / 2),
        pos=(*wall.center, (low + high) / 2), quat=_about_z(wall.angle), rgba=FACE_COLOR, mass=0.0,
        contype=SOCKET_TYPE, conaffinity=PLUG_TYPE, group=1, friction=(friction, 1e-4, 1e-5),
    )  # fmt: skip


def _collide(body: mujoco.MjsBody, mesh: str, friction: float) -> None:
    body.add_geom(
        name=mesh, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh, rgba=FACE_COLOR, mass=0.0,
        contype=SOCKET_TYPE, conaffinity=PLUG_TYPE, group=1, friction=(friction, 1e-4, 1e-5),
    )  # fmt: skip


def _finger(body: mujoco.MjsBody, index: int, finger: Finger, friction: float) -> None:
    """A round nose on a preloaded spring that yields across the insertion."""
    part = body.add_body(name=f"finger_{index}", pos=finger.position, gravcomp=1.0)
    part.mass, part.inertia, part.explicitinertial = finger.mass_kg, (1e-6,) * 3, True
    part.add_joint(
        name=f"finger_{index}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(*finger.outward, 0.0),
        range=(0.0, finger.travel_m), limited=True, stiffness=linear(finger.stiffness_n_m),
        springref=-finger.preload_n / finger.stiffness_n_m, damping=linear(finger.damping_ns_m),
        solref_limit=(0.002, 1.0), solimp_limit=(0.99, 0.999, 0.0001, 0.5, 2.0),
    )  # fmt: skip
    along = np.array([-finger.outward[1], finger.outward[0], 0.0]) * finger.half_length_m
    part.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=(*-along, *along), size=(finger.radius_m, 0, 0),
        rgba=FINGER_COLOR, mass=0.0, contype=SOCKET_TYPE, conaffinity=PLUG_TYPE, group=1,
        friction=(friction, 1e-4, 1e-5),
    )  # fmt: skip


def _add_stand(spec: mujoco.MjSpec, pose: Pose, half: Array, depth: float) -> None:
    """What the eye sees below the socket."""
    top = float(pose.position[2]) - depth - 2 * FLOOR_HALF_M
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=(half[0] + 0.012, half[1] + 0.012, top / 2),
        pos=(pose.position[0], pose.position[1], top / 2), quat=np.roll(pose.quaternion, 1),
        rgba=STAND_COLOR, contype=0, conaffinity=0, group=2,
    )  # fmt: skip


def _about_z(angle: float) -> tuple[float, float, float, float]:
    return (float(np.cos(angle / 2)), 0.0, 0.0, float(np.sin(angle / 2)))
