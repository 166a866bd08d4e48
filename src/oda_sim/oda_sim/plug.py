"""The plug in the gripper: convex bevelled meshes that collide, and a housing that is only seen."""

import mujoco
import numpy as np

from oda_sim.arm import TCP_OFFSET_M
from oda_sim.connector import Connector
from oda_sim.geometry import Array, bounds, offset
from oda_sim.outline import MM, Prism, plug_length_m, prisms

PLUG_TYPE, SOCKET_TYPE = 1, 2  # collision classes: plug against socket only
STEEL = (0.80, 0.78, 0.70, 1.0)
HOUSING = (0.20, 0.22, 0.26, 1.0)
GRIP_M = 0.092  # the gripper ends here, from the flange


def bevelled_prism(section: Array, length: float, bevel: tuple[float, float]) -> Array:
    """Vertices of a prism from z = 0 to length with a bevelled tip.

    Args:
        section: (n, 2) convex polygon [m].
        length: along z [m].
        bevel: across and along [m].

    Returns:
        (3n, 3) vertices.
    """
    across, along = bevel
    rings = ((section, 0.0), (section, length - along), (offset(section, -across), length))
    return np.concatenate([np.column_stack([ring, np.full(len(ring), z)]) for ring, z in rings])


def add_plug(spec: mujoco.MjSpec, tool: mujoco.MjsBody, connector: Connector) -> None:
    """Add the plug to the tool body (flange frame) so that its longest pin ends at the TCP."""
    face = TCP_OFFSET_M - plug_length_m(connector)
    across, along = connector.plug.chamfer_mm
    parts = prisms(connector)
    for index, part in enumerate(parts):
        mesh = spec.add_mesh(name=f"plug_{index}")
        vertices = bevelled_prism(part.section, part.length_m, (across * MM, along * MM))
        mesh.uservert = vertices.flatten().tolist()
        tool.add_geom(
            name=f"plug_{index}", type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh.name,
            pos=(0, 0, face), contype=PLUG_TYPE, conaffinity=SOCKET_TYPE, mass=0.0, group=1,
            rgba=STEEL, friction=(connector.socket.friction, 1e-4, 1e-5),
        )  # fmt: skip
    _add_housing(tool, parts, face)


def _add_housing(tool: mujoco.MjsBody, parts: list[Prism], face: float) -> None:
    """A block that carries the pins, and two gripper fingers around it."""
    box = bounds(np.concatenate([part.section for part in parts]))
    half = np.array([box.x1 - box.x0, box.y1 - box.y0]) / 2 + 0.003
    center = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
    depth = (face - GRIP_M) / 2
    _seen(tool, (*half, depth), (*center, GRIP_M + depth), HOUSING)
    for sign in (-1.0, 1.0):
        y = center[1] + sign * (half[1] + 0.003)
        _seen(tool, (0.010, 0.003, depth * 0.7), (center[0], y, GRIP_M + depth * 0.7),
              (0.55, 0.56, 0.58, 1))  # fmt: skip


def _seen(
    body: mujoco.MjsBody,
    half: tuple[float, ...],
    pos: tuple[float, ...],
    rgba: tuple[float, float, float, float],
) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=half, pos=pos, rgba=rgba, mass=0.0,
        contype=0, conaffinity=0, group=2,
    )  # fmt: skip
