"""Refuse connectors whose geometry cannot exist."""

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from oda_core.errors import ConnectorError
from oda_sim.geometry import Rect, bounds, gap, inradius, is_convex
from oda_sim.mating import check_meshes
from oda_sim.outline import MM, Prism, plate, plug_length_m, prisms
from oda_sim.parts import Limits, Pin
from oda_sim.retention import fingers

if TYPE_CHECKING:
    from oda_sim.connector import Connector

MIN_WALL_MM = 0.3  # of material between two holes, and to the socket's rim
SIZES = {"round": 1, "rectangle": 2, "polygon": 0}


def check(connector: "Connector") -> None:
    """Check every dimension.

    Raises:
        ConnectorError: with what was found, what is possible and what to change.
    """
    plug = connector.plug
    if not (plug.pins or plug.shell or plug.meshes):
        raise ConnectorError("plug: found no pins, shell or meshes; add plug.pins")
    for index, pin in enumerate(connector.plug.pins):
        _check_pin(pin, f"plug.pins[{index}]")
    _check_numbers(connector)
    parts = prisms(connector)
    _check_chamfer(connector, parts)
    _check_depths(connector)
    _check_shell(connector, parts)
    _check_rim(connector, parts)
    _check_neighbours(parts)
    fingers(connector)
    check_meshes(connector)


def _check_pin(pin: Pin, where: str) -> None:
    if len(pin.size_mm) != SIZES[pin.shape]:
        raise ConnectorError(
            f"{where}: {pin.shape} has {len(pin.size_mm)} values in size_mm, expected "
            f"{SIZES[pin.shape]} (round: diameter; rectangle: x and y; polygon: points_mm instead)"
        )
    if pin.shape == "polygon" and not (
        len(pin.points_mm) >= 3 and is_convex(np.array(pin.points_mm))
    ):
        raise ConnectorError(
            f"{where}: points_mm is not a convex counter-clockwise polygon; "
            "order its corners counter-clockwise, or split it into convex pins"
        )
    if pin.shape != "polygon" and pin.points_mm:
        raise ConnectorError(f"{where}: points_mm belongs to a polygon; remove it or set the shape")
    if min((*pin.size_mm, pin.length_mm)) <= 0:
        raise ConnectorError(f"{where}: sizes and length must be positive; found {pin}")


def _check_numbers(c: "Connector") -> None:
    if c.socket.clearance_mm <= 0:
        raise ConnectorError(
            f"socket.clearance_mm: found {c.socket.clearance_mm}, expected more than 0: the hole "
            "would be no wider than the pin; to test a failure use socket.blocked_depth_mm"
        )
    positive = {
        "socket.size_mm": min(c.socket.size_mm),
        "socket.depth_mm": c.socket.depth_mm,
        "socket.mount.stiffness_n_m": c.socket.mount.stiffness_n_m,
        "socket.mount.mass_kg": c.socket.mount.mass_kg,
        "tolerance.depth_mm": c.tolerance.depth_mm,
        "tolerance.lateral_mm": c.tolerance.lateral_mm,
        "limits.lateral_n": c.limits.lateral_n,
        "limits.axial_n": c.limits.axial_n,
        "start.height_mm": c.start.height_mm,
        "plug.chamfer_mm": min(c.plug.chamfer_mm),
    }
    for name, value in positive.items():
        if value <= 0:
            raise ConnectorError(f"{name}: found {value}, expected a positive number")
    if not 0 <= c.socket.friction <= 1:
        raise ConnectorError(f"socket.friction: found {c.socket.friction}, expected 0 to 1")
    if c.start.noise_mm < 0 or c.start.height_mm < 2 * c.start.noise_mm:
        raise ConnectorError(
            f"start.height_mm: found {c.start.height_mm} with a start.noise_mm of "
            f"{c.start.noise_mm}, expected at least twice the noise and none below 0: the noise "
            "would push the plug into the socket"
        )
    _check_damage(c.limits)


def _check_damage(limits: Limits) -> None:
    """The robot alone, at its limits on all axes at once, must not break what it holds."""
    strongest = math.hypot(limits.axial_n, limits.lateral_n, limits.lateral_n)
    if strongest > limits.damage_n:
        raise ConnectorError(
            f"limits.damage_n: found {limits.damage_n}, but limits.axial_n and limits.lateral_n "
            f"let the robot press with {strongest:.1f} N; lower them, or raise the damage force "
            "if the parts survive that"
        )


def _check_chamfer(connector: "Connector", parts: list[Prism]) -> None:
    across, along = connector.plug.chamfer_mm
    for part in parts:
        limit = 0.95 * inradius(part.section) / MM
        if across >= limit or along >= part.length_m / MM:
            raise ConnectorError(
                f"plug.chamfer_mm: found {across} across and {along} along, but {part.label} "
                f"allows less than {limit:.3f} and {part.length_m / MM:.2f}; make the bevel smaller"
            )


def _check_depths(c: "Connector") -> None:
    longest = plug_length_m(c) / MM
    if c.socket.depth_mm > longest:
        raise ConnectorError(
            f"socket.depth_mm: found {c.socket.depth_mm}, but the longest pin has {longest} mm"
        )
    inserted = c.socket.depth_mm - c.tolerance.depth_mm
    if inserted <= 1.0:
        raise ConnectorError(
            f"tolerance.depth_mm: {c.tolerance.depth_mm} of {c.socket.depth_mm} mm leaves "
            f"{inserted:.2f} mm that count as inserted, expected more than 1 mm"
        )
    blocked = c.socket.blocked_depth_mm
    if blocked is not None and not 0 < blocked < inserted:
        raise ConnectorError(
            f"socket.blocked_depth_mm: found {blocked}, expected between 0 and {inserted:.2f}, "
            "or leave it out for a free hole"
        )
    _check_retention(c)


def _check_retention(c: "Connector") -> None:
    if c.retention is None:
        return
    count = len(c.plug.pins)
    if count == 0 or not all(0 <= i < count for i in c.retention.pins):
        raise ConnectorError(
            f"retention.pins: found {list(c.retention.pins)}, but the plug has {count} pins"
        )
    if c.retention.force_n <= 0 or not 0 < c.retention.start_mm < c.socket.depth_mm:
        raise ConnectorError(
            f"retention: found {c.retention.force_n} N from {c.retention.start_mm} mm, expected a "
            f"positive force and a start before the depth of {c.socket.depth_mm} mm"
        )
    if c.retention.force_n >= c.limits.axial_n:
        raise ConnectorError(
            f"retention.force_n: found {c.retention.force_n}, but limits.axial_n lets the robot "
            f"press with {c.limits.axial_n} N only; raise the limit or lower the retention"
        )
    shorter = max(
        (plug_length_m(c) / MM - c.plug.pins[i].length_mm for i in c.retention.pins), default=0
    )
    if c.retention.start_mm <= shorter:
        raise ConnectorError(
            f"retention.start_mm: found {c.retention.start_mm}, expected more than {shorter:.2f}: "
            "the held pins are that much shorter than the longest one"
        )


def _check_shell(connector: "Connector", parts: list[Prism]) -> None:
    shell = connector.plug.shell
    if shell is None:
        return
    x, y = (np.array(shell.size_mm) / 2 - shell.wall_mm) * MM
    if min(x, y) <= 0 or shell.wall_mm <= 0 or shell.length_mm <= 0:
        raise ConnectorError(f"plug.shell: found {shell}, expected a hollow inside its walls")
    for part in parts:
        if part.kind == "pin" and np.any(np.abs(part.section) > (x, y)):
            raise ConnectorError(
                f"plug.{part.label} lies outside the shell, whose inside measures "
                f"{2 * x / MM:.2f} x {2 * y / MM:.2f} mm; move the pin or widen the shell"
            )


def _check_rim(connector: "Connector", parts: list[Prism]) -> None:
    rim = plate(connector)
    wall = MIN_WALL_MM * MM
    inner = Rect(rim.x0 + wall, rim.x1 - wall, rim.y0 + wall, rim.y1 - wall)
    for part in parts:
        hole = bounds(part.hole)
        if min(hole.x0 - inner.x0, inner.x1 - hole.x1, hole.y0 - inner.y0, inner.y1 - hole.y1) < 0:
            raise ConnectorError(
                f"plug.{part.label} overlaps the socket wall: its hole spans x "
                f"{_mm(hole.x0, hole.x1)} and y {_mm(hole.y0, hole.y1)} mm, but the socket ends at "
                f"±{connector.socket.size_mm[0] / 2} and ±{connector.socket.size_mm[1] / 2} mm and "
                f"needs {MIN_WALL_MM} mm of wall; move the pin or enlarge socket.size_mm"
            )


def _mm(low: float, high: float) -> str:
    return f"{low / MM:.2f} to {high / MM:.2f}"


def _check_neighbours(parts: list[Prism]) -> None:
    """Holes of two pins need a wall between them; keys and shells may join their neighbours."""
    for a, b in combinations(parts, 2):
        if (a.kind != b.kind and "key" in (a.kind, b.kind)) or a.kind == b.kind == "shell":
            continue
        between = gap(a.hole, b.hole) / MM
        if between < MIN_WALL_MM:
            raise ConnectorError(
                f"plug.{a.label} and plug.{b.label} overlap the socket wall between them: it is "
                f"{between:.2f} mm thick, expected at least {MIN_WALL_MM}; move them apart or "
                "reduce socket.clearance_mm"
            )
