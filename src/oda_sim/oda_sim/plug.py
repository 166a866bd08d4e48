"""The plug in the gripper: convex bevelled meshes that collide, and a housing that is only seen."""

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from oda_sim.arm import TCP_OFFSET_M
from oda_sim.geometry import Array, bounds, offset
from oda_sim.outline import MM, placed, plug_length_m, prisms

if TYPE_CHECKING:
    from oda_sim.connector import Connector

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
    return _stacked((section, 0.0), (section, length - along), (offset(section, -across), length))


def prism(section: Array, low: float, high: float) -> Array:
    """Vertices (2n, 3) of a straight prism over a convex polygon (n, 2) from low to high [m]."""
    return _stacked((section, low), (section, high))


def _stacked(*rings: tuple[Array, float]) -> Array:
    return np.concatenate([np.column_stack([ring, np.full(len(ring), z)]) for ring, z in rings])


def plug_parts(connector: "Connector") -> list[Array]:
    """Corners (n, 3) of every convex part: z = 0 where pins begin, z to the tip."""
    across, along = connector.plug.chamfer_mm
    bevel = (across * MM, along * MM)
    parts = [bevelled_prism(p.section, p.length_m, bevel) for p in prisms(connector)]
    return parts + [placed(mesh) for mesh in connector.plug.meshes]


def add_plug(spec: mujoco.MjSpec, tool: mujoco.MjsBody, connector: "Connector") -> None:
    """Add the plug to the tool body (flange frame) so that its longest part ends at the TCP."""
    face = TCP_OFFSET_M - plug_length_m(connector)
    parts = plug_parts(connector)
    for index, corners in enumerate(parts):
        add_convex(spec, f"plug_{index}", corners)
        tool.add_geom(
            name=f"plug_{index}", type=mujoco.mjtGeom.mjGEOM_MESH, meshname=f"plug_{index}",
            pos=(0, 0, face), contype=PLUG_TYPE, conaffinity=SOCKET_TYPE, mass=0.0, group=1,
            rgba=STEEL, friction=(connector.socket.friction, 1e-4, 1e-5),
        )  # fmt: skip
    _add_housing(tool, np.concatenate(parts), face)


def add_convex(spec: mujoco.MjSpec, name: str, corners: Array) -> None:
    """Add the hull of corners (n, 3) [m] as a mesh."""
    spec.add_mesh(name=name).uservert = corners.flatten().tolist()


def _add_housing(tool: mujoco.MjsBody, corners: Array, face: float) -> None:
    """A block that carries the pins, and two gripper fingers around it."""
    box = bounds(corners[:, :2])
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
