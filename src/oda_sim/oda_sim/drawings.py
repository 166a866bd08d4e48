"""Connectors drawn at random, not related to any that exist: what a policy has never seen."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from oda_core.errors import ConnectorError
from oda_sim.connector import Connector
from oda_sim.geometry import Array, bounds
from oda_sim.outline import MM, prisms
from oda_sim.parts import Key, Limits, Pin, Plug, Retention, Shell, Socket, Start

CLEARANCE_MM = (0.1, 0.4)
DEPTH_MM = (7.0, 20.0)
LATERAL_MM = (-2.5, 2.5)
YAW_DEG = (-4.0, 4.0)
HEIGHT_MM = (6.0, 13.0)
RETENTION_N = (10.0, 75.0)
HELD_FROM = (0.2, 0.45)  # depth at which springs are met, in parts of the full depth
TIP_MM = (1.5, 4.0)  # pins are this much longer than the socket is deep
BEVEL_MM = (0.2, 0.6)  # across; along is twice that
RIM_MM = 8.0  # of the socket beyond its holes
LIMITS = Limits(axial_n=90.0, damage_n=180.0)
ATTEMPTS = 100

Draw = Callable[[float, float], float]


def draw(family: str, rng: np.random.Generator, name: str) -> Connector:
    """Draw a possible connector of a family; see FAMILIES.

    Layout, size, clearance, depth, bevel, retention force and where the socket lies from the start
    are drawn uniformly from ranges in this file.

    Args:
        family: a key of FAMILIES.
        rng: source of all draws.
        name: of the connector.

    Raises:
        ConnectorError: none of many draws was possible.
    """

    def uniform(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 2)

    for _ in range(ATTEMPTS):
        depth = uniform(*DEPTH_MM)
        plug = FAMILIES[family](rng, uniform, depth + uniform(*TIP_MM))
        try:
            return _around(plug, family, uniform, depth, name)
        except ConnectorError:
            continue  # this draw cannot be built; draw again
    raise ConnectorError(f"{family}: none of {ATTEMPTS} drawings is possible")


def _around(plug: Plug, family: str, uniform: Draw, depth: float, name: str) -> Connector:
    """The connector whose socket is cut to a plug."""
    clearance = uniform(*CLEARANCE_MM)
    held = None
    if not plug.keys and plug.pins[0].shape != "polygon":
        start = round(depth * uniform(*HELD_FROM), 2)
        held = Retention(force_n=uniform(*RETENTION_N), start_mm=start)
    socket = Socket(size_mm=(200.0, 200.0), clearance_mm=clearance, depth_mm=depth)
    loose = Connector(
        name=name, family=family, split="test", source="drawn at random", plug=plug, socket=socket
    )
    outline = bounds(np.concatenate([part.hole for part in prisms(loose)]))
    width, height = (
        round(2 * (float(np.max(np.abs(span))) / MM + RIM_MM), 1)
        for span in ((outline.x0, outline.x1), (outline.y0, outline.y1))
    )
    start = Start(
        lateral_mm=(uniform(*LATERAL_MM), uniform(*LATERAL_MM)),
        yaw_deg=uniform(*YAW_DEG),
        height_mm=uniform(*HEIGHT_MM),
    )
    return replace(
        loose,
        socket=replace(socket, size_mm=(width, height)),
        start=start,
        retention=held,
        limits=LIMITS,
    )


def _bevel(uniform: Draw) -> tuple[float, float]:
    across = uniform(*BEVEL_MM)
    return across, 2 * across


def _peg(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """One convex prism of three to seven sides, or a round one."""
    sides = int(rng.integers(3, 9))
    if sides == 8:
        pin = Pin(shape="round", size_mm=(uniform(6, 16),), length_mm=length)
    else:
        angles = uniform(0, 1) + 2 * np.pi * np.arange(sides) / sides
        corners = np.round(uniform(4, 9) * np.column_stack([np.cos(angles), np.sin(angles)]), 2)
        points = tuple((float(x), float(y)) for x, y in corners)
        pin = Pin(shape="polygon", points_mm=points, length_mm=length)
    return Plug(pins=(pin,), chamfer_mm=_bevel(uniform))


def _keyed(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """A round peg with a key on any of its sides."""
    diameter, width, angle = uniform(7, 14), uniform(2, 3.5), float(rng.uniform(0, 2 * np.pi))
    reach = diameter / 2 + width / 6
    center = (round(reach * math.cos(angle), 2), round(reach * math.sin(angle), 2))
    return Plug(
        pins=(Pin(shape="round", size_mm=(diameter,), length_mm=length),),
        keys=(Key(size_mm=(width, width), center_mm=center, length_mm=length),),
        chamfer_mm=_bevel(uniform),
    )


def _ring(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """Two to five round pins on a part of a circle."""
    count, diameter = int(rng.integers(2, 6)), uniform(1.5, 5)
    radius, first = diameter * uniform(1.3, 2.2), uniform(0, 1)
    angles = first + 2 * np.pi * np.arange(count) / (count + int(rng.integers(0, 2)))
    places = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    return _round_pins(places, diameter, uniform, length)


def _grid(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """One or two rows of two to six thin round pins."""
    columns, rows, diameter = int(rng.integers(2, 7)), int(rng.integers(1, 3)), uniform(1.2, 3)
    x = np.tile(np.arange(float(columns)) - (columns - 1) / 2, rows)
    y = np.repeat(np.arange(float(rows)) - (rows - 1) / 2, columns)
    pitch = diameter * uniform(2.2, 3.5)
    places = pitch * np.column_stack([x, y])
    return _round_pins(places, diameter, uniform, length)


def _round_pins(places: Array, diameter: float, uniform: Draw, length: float) -> Plug:
    pins = tuple(
        Pin(shape="round", size_mm=(diameter,), center_mm=(float(x), float(y)), length_mm=length)
        for x, y in np.round(places, 2)
    )
    return Plug(pins=pins, chamfer_mm=_bevel(uniform))


def _blades(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """Two or three flat blades side by side, each turned or not, one of them set off."""
    count, pitch = int(rng.integers(2, 4)), uniform(9, 16)
    size = (uniform(1, 2.2), uniform(4, 9))
    pins = tuple(
        Pin(
            shape="rectangle",
            size_mm=size,
            center_mm=(round((i - (count - 1) / 2) * pitch, 2), uniform(0, 6) if i == 1 else 0.0),
            yaw_deg=float(rng.choice([0.0, 90.0, 30.0])),
            length_mm=length,
        )
        for i in range(count)
    )
    return Plug(pins=pins, chamfer_mm=_bevel(uniform))


def _edge(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """One long thin card."""
    size = (uniform(25, 80), uniform(1.2, 2.4))
    turned = size if rng.random() < 0.5 else size[::-1]
    pin = Pin(shape="rectangle", size_mm=turned, length_mm=length)
    return Plug(pins=(pin,), chamfer_mm=_bevel(uniform))


def _shrouded(rng: np.random.Generator, uniform: Draw, length: float) -> Plug:
    """A row of pins within a shell that goes first or last."""
    count, diameter = int(rng.integers(2, 4)), uniform(1.5, 2.5)
    width, height = uniform(18, 32), uniform(11, 16)
    places = np.zeros((count, 2))
    places[:, 0] = (np.arange(count) - (count - 1) / 2) * width / (count + 1)
    row = _round_pins(places, diameter, uniform, length)
    shell = Shell(
        size_mm=(width, height),
        wall_mm=uniform(1, 1.6),
        length_mm=round(length + uniform(-2, 3), 2),
    )
    return replace(row, shell=shell)


FAMILIES: dict[str, Callable[[np.random.Generator, Draw, float], Plug]] = {
    "peg": _peg,
    "keyed": _keyed,
    "ring": _ring,
    "grid": _grid,
    "blades": _blades,
    "edge": _edge,
    "shrouded": _shrouded,
}
