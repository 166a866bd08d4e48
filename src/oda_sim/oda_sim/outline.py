"""From a connector's description to the sections of its plug and socket. Lengths in metres."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from oda_sim.geometry import Array, Rect, offset, regular, transform
from oda_sim.meshfile import read_body
from oda_sim.parts import Mesh, Pin, Shell

if TYPE_CHECKING:
    from oda_sim.connector import Connector

MM = 1e-3
PIN_SIDES = 24  # of a round pin
HOLE_SIDES = 12  # of its hole
TIP_DEPTH_M = 1e-6  # corners of a mesh so near its end belong to its tip


class Prism(NamedTuple):
    """A straight part of the plug."""

    label: str
    section: Array  # (n, 2) in the plug frame
    hole: Array  # (m, 2) section of its hole
    length_m: float
    kind: str  # pin, key or shell


def prisms(connector: "Connector") -> list[Prism]:
    """All prisms of the plug: pins first and in order, then keys, then the four shell walls."""
    half = connector.socket.clearance_mm * MM / 2
    plug = connector.plug
    parts = [_pin(pin, f"pin {i}", half) for i, pin in enumerate(plug.pins)]
    for i, key in enumerate(plug.keys):
        section = _rectangle(*key.size_mm) + np.array(key.center_mm) * MM
        parts.append(Prism(f"key {i}", section, offset(section, half), key.length_mm * MM, "key"))
    if plug.shell is not None:
        parts += [
            Prism("shell", section, offset(section, half), plug.shell.length_mm * MM, "shell")
            for section in _shell_sections(plug.shell)
        ]
    return parts


def placed(mesh: Mesh) -> Array:
    """Corners of a mesh in the plug's or socket's frame, (n, 3)."""
    corners = read_body(mesh.file).vertices * mesh.unit_mm * MM
    center = np.array(mesh.center_mm) * MM
    across = transform(corners[:, :2], center[:2], np.deg2rad(mesh.yaw_deg))
    return np.column_stack([across, corners[:, 2] + center[2]])


def plug_length_m(connector: "Connector") -> float:
    """Where the longest prism or mesh ends."""
    return max(
        [prism.length_m for prism in prisms(connector)]
        + [float(placed(mesh)[:, 2].max()) for mesh in connector.plug.meshes]
    )


def tip_m(connector: "Connector") -> Array:
    """Middle of the longest tips, (2,): where a flat contact is felt."""
    longest = plug_length_m(connector)
    tips = [p.section.mean(0) for p in prisms(connector) if p.length_m == longest]
    for corners in map(placed, connector.plug.meshes):
        end = corners[corners[:, 2] > longest - TIP_DEPTH_M]
        tips += [end[:, :2].mean(axis=0)] if len(end) else []
    return np.mean(tips, axis=0)


def plate(connector: "Connector") -> Rect:
    """Outline of the socket's face."""
    x, y = np.array(connector.socket.size_mm) * MM / 2
    return Rect(-x, x, -y, y)


def _pin(pin: Pin, label: str, half: float) -> Prism:
    center, angle = np.array(pin.center_mm) * MM, np.deg2rad(pin.yaw_deg)
    if pin.shape == "round":
        radius = pin.size_mm[0] * MM / 2
        section = regular(PIN_SIDES, radius * np.cos(np.pi / PIN_SIDES))
        hole = regular(HOLE_SIDES, radius + half)
    elif pin.shape == "rectangle":
        section = _rectangle(*pin.size_mm)
        hole = offset(section, half)
    else:
        section = np.array(pin.points_mm) * MM
        hole = offset(section, half)
    return Prism(
        label, transform(section, center, angle), transform(hole, center, angle),
        pin.length_mm * MM, "pin",
    )  # fmt: skip


def _rectangle(x_mm: float, y_mm: float) -> Array:
    x, y = x_mm * MM / 2, y_mm * MM / 2
    return Rect(-x, x, -y, y).polygon


def _shell_sections(shell: Shell) -> list[Array]:
    x, y = np.array(shell.size_mm) * MM / 2
    w = shell.wall_mm * MM
    sides = (Rect(-x, x, y - w, y), Rect(-x, x, -y, w - y), Rect(-x, w - x, -y, y),
             Rect(x - w, x, -y, y))  # fmt: skip
    return [side.polygon for side in sides]
