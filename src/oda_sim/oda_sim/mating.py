"""Whether parts from mesh files fit: their size, and plug against socket when fully inserted."""

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from oda_core.errors import ConnectorError
from oda_core.se3 import Pose
from oda_sim.arm import TCP_OFFSET_M
from oda_sim.outline import MM, placed, prisms
from oda_sim.parts import Mesh
from oda_sim.plug import add_plug
from oda_sim.socket import FLOOR, add_socket

if TYPE_CHECKING:
    from oda_sim.connector import Connector

SIZE_MM = (0.5, 500.0)  # smallest and largest extent of a part
HEIGHT_M = 1.0  # of the socket above the floor of the trial scene
OVERLAP_M = 1e-6  # that rounding in a file may cause


def check_meshes(connector: "Connector") -> None:
    """Check every mesh and, if there are any, that plug and socket have room for each other.

    Raises:
        ConnectorError: with what was found and what to change.
    """
    plug, socket = connector.plug.meshes, connector.socket.meshes
    for mesh in (*plug, *socket):
        _check_size(mesh)
    if plug and not socket and not (connector.plug.pins or connector.plug.shell):
        raise ConnectorError(
            "socket.meshes: found none, but the plug is meshes only, so nothing is cut for it; "
            "list the convex parts of its socket"
        )
    if plug or socket:
        _check_overlap(connector)


def _check_size(mesh: Mesh) -> None:
    low, high = SIZE_MM
    size = float(np.ptp(placed(mesh), axis=0).max()) / MM
    if not low <= size <= high:
        raise ConnectorError(
            f"{mesh.file}: measures {size:.4g} mm with a unit_mm of {mesh.unit_mm}, expected "
            f"{low} to {high} mm; set unit_mm to the millimetres in one unit of the file"
        )


def _check_overlap(connector: "Connector") -> None:
    """Stand the aligned plug in its socket at full depth and look for parts inside each other."""
    spec = mujoco.MjSpec()
    depth = connector.socket.depth_mm * MM
    tool = spec.worldbody.add_body(pos=(0, 0, HEIGHT_M + depth - TCP_OFFSET_M))
    add_plug(spec, tool, connector)
    add_socket(
        spec, connector, Pose(np.array([0.0, 0.0, HEIGHT_M]), np.array([0.0, 0.0, 0.0, 1.0]))
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    body = model.body("socket").id
    walls = [
        g for g in range(model.ngeom)
        if model.geom_bodyid[g] == body and model.geom(g).name != FLOOR
    ]  # fmt: skip
    pins = [g for g in range(model.ngeom) if model.geom(g).name.startswith("plug_")]
    for pin in pins:
        for wall in walls:
            between = mujoco.mj_geomDistance(model, data, pin, wall, 1.0, None)
            if between < -OVERLAP_M:
                raise ConnectorError(
                    f"{_label(connector, model.geom(pin).name)} and "
                    f"{_label(connector, model.geom(wall).name)} overlap by {-between / MM:.3f} mm "
                    f"at the full depth of {connector.socket.depth_mm} mm; move or shrink one of "
                    "them (center_mm, yaw_deg, unit_mm), or change socket.depth_mm"
                )


def _label(connector: "Connector", geom: str) -> str:
    """What a geom is made of, in the words of the connector's file."""
    kind, _, number = geom.partition("_")
    if kind == "socket":
        return connector.socket.meshes[int(number)].file
    if kind == "plug":
        index = int(number) - len(prisms(connector))
        return connector.plug.meshes[index].file if index >= 0 else "a pin of the plug"
    return "the socket's plate"
