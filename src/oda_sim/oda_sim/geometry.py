"""Plane convex polygons and the cutting of a socket plate into boxes. Lengths in metres.

A polygon is an (n, 2) array, counter-clockwise. n edges, edge i from vertex i to vertex i + 1.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EPSILON_M = 1e-7
RECESS_M = 3e-6  # walls around a hole lie this much below the plate that they overlap


class Rect(NamedTuple):
    """Axis-aligned rectangle [m]."""

    x0: float
    x1: float
    y0: float
    y1: float

    @property
    def polygon(self) -> Array:
        """Its corners, (4, 2)."""
        return np.array(
            [(self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)]
        )


class Wall(NamedTuple):
    """A rectangle that may be turned: centre (2,), half sizes (2,) [m], angle [rad].

    A recess [m] below the socket's face keeps overlapping walls from sharing every contact, which
    costs more time than all other physics. At 10 µm its rim held plugs that searched beside a round
    hole; at 3 µm, what a push of 10 N yields, it does not.
    """

    center: Array
    half: Array
    angle: float
    recess_m: float = 0.0

    @property
    def polygon(self) -> Array:
        """Its corners, (4, 2)."""
        hx, hy = self.half
        corners = np.array([(-hx, -hy), (hx, -hy), (hx, hy), (-hx, hy)])
        return transform(corners, self.center, self.angle)


class Slab(NamedTuple):
    """What another hole leaves of a wall: a convex polygon (n, 2) and its recess [m]."""

    polygon: Array
    recess_m: float


def transform(points: Array, center: Array, angle: float) -> Array:
    """Turn (n, 2) points by an angle [rad], then move them by center (2,)."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + center


def regular(sides: int, apothem: float) -> Array:
    """Regular polygon whose first edge faces +x at the distance apothem, (sides, 2)."""
    angles = (np.arange(sides) - 0.5) * 2 * np.pi / sides
    radius = apothem / np.cos(np.pi / sides)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def edges(polygon: Array) -> tuple[Array, Array]:
    """Outward unit normals (n, 2) and offsets (n,) of the edges: inside is normal · p <= offset."""
    step = np.roll(polygon, -1, axis=0) - polygon
    normal = np.stack([step[:, 1], -step[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return normal, np.sum(normal * polygon, axis=1)


def is_convex(polygon: Array) -> bool:
    """Whether the polygon is convex, counter-clockwise and without repeated points."""
    step = np.roll(polygon, -1, axis=0) - polygon
    following = np.roll(step, -1, axis=0)
    cross = step[:, 0] * following[:, 1] - step[:, 1] * following[:, 0]
    turned = np.sum(np.arctan2(cross, np.sum(step * following, axis=1)))
    return bool(np.all(cross > 1e-12) and abs(turned - 2 * np.pi) < 1e-6)


def offset(polygon: Array, distance: float) -> Array:
    """Move every edge outward by distance (inward if negative), keeping mitred corners."""
    normal, value = edges(polygon)
    value = value + distance
    before, before_value = np.roll(normal, 1, axis=0), np.roll(value, 1)
    return np.stack(
        [
            np.linalg.solve(np.stack([a, b]), np.array([c, d]))
            for a, b, c, d in zip(before, normal, before_value, value, strict=True)
        ]
    )


def inradius(polygon: Array) -> float:
    """Distance from the centroid to the nearest edge [m]."""
    normal, value = edges(polygon)
    return float(np.min(value - normal @ polygon.mean(axis=0)))


def gap(a: Array, b: Array) -> float:
    """Separation of two convex polygons along their best edge normal [m]; below 0 if they meet."""
    best = -np.inf
    for first, second in ((a, b), (b, a)):
        normal, value = edges(first)
        best = max(best, float(np.max(np.min(second @ normal.T, axis=0) - value)))
    return best


def bounds(polygon: Array) -> Rect:
    """Smallest rectangle around a polygon."""
    (x0, y0), (x1, y1) = polygon.min(axis=0), polygon.max(axis=0)
    return Rect(float(x0), float(x1), float(y0), float(y1))


def is_rect(polygon: Array) -> bool:
    """Whether the polygon is an axis-aligned rectangle."""
    box = bounds(polygon).polygon
    return len(polygon) == 4 and all(np.min(np.abs(box - p).sum(1)) < EPSILON_M for p in polygon)


def cut_plate(plate: Rect, holes: list[Array]) -> list[Wall | Slab]:
    """Cover a plate minus its holes, which may overlap to make one hole of any shape.

    Around a hole that is no axis-aligned rectangle, its bounding rectangle is filled edge by edge;
    where such a wall stands in another hole, it is cut to convex slabs.
    """
    cells = [bounds(hole) for hole in holes]
    walls: list[Wall | Slab] = [*_cut_rects(plate, cells)]
    for i, (hole, cell) in enumerate(zip(holes, cells, strict=True)):
        if is_rect(hole):
            continue
        others = holes[:i] + holes[i + 1 :]
        for wall in edge_walls(hole, cell):
            standing = [other for other in others if gap(wall.polygon, other) < 0]
            walls += _slabs(wall, standing) if standing else [wall]
    return walls


def _slabs(wall: Wall, holes: list[Array]) -> list[Slab]:
    """What holes leave of a wall; slivers thinner than the recess are left out."""
    pieces = [wall.polygon]
    for hole in holes:
        pieces = [part for piece in pieces for part in subtract(piece, hole)]
    return [Slab(piece, wall.recess_m) for piece in pieces if _width(piece) > RECESS_M]


def subtract(polygon: Array, hole: Array) -> list[Array]:
    """Convex parts of a convex polygon beyond a convex hole."""
    parts, rest = [], polygon
    for normal, value in zip(*edges(hole), strict=True):
        parts.append(_clip(rest, normal, value))
        rest = _clip(rest, -normal, -value)
    return [part for part in parts if len(part) >= 3]


def _width(polygon: Array) -> float:
    """Smallest extent of a convex polygon across one of its edges [m]."""
    step = np.roll(polygon, -1, axis=0) - polygon
    polygon = polygon[np.linalg.norm(step, axis=1) > EPSILON_M]
    if len(polygon) < 3:
        return 0.0
    normal, value = edges(polygon)
    return float(np.min(value - np.min(polygon @ normal.T, axis=0)))


def edge_walls(hole: Array, cell: Rect) -> list[Wall]:
    """Walls that fill a cell around a convex hole: per edge, the box around the cell beyond it."""
    walls = []
    for normal, value in zip(*edges(hole), strict=True):
        beyond = _clip(cell.polygon, normal, value)
        if len(beyond) < 3:
            continue
        along = np.array([-normal[1], normal[0]])
        low, high = (beyond @ along).min(), (beyond @ along).max()
        depth = (beyond @ normal).max() - value
        if depth < 1e-6:
            continue
        center = normal * (value + depth / 2) + along * (low + high) / 2
        half = np.array([depth / 2, (high - low) / 2])
        walls.append(Wall(center, half, float(np.arctan2(normal[1], normal[0])), RECESS_M))
    return walls


def _clip(polygon: Array, normal: Array, value: float) -> Array:
    """Part of a convex polygon beyond the line normal · p = value."""
    points = []
    for p, q in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        dp, dq = p @ normal - value, q @ normal - value
        if dp >= 0:
            points.append(p)
        if dp * dq < 0:
            points.append(p + (q - p) * dp / (dp - dq))
    return np.array(points).reshape(-1, 2)


def _cut_rects(plate: Rect, holes: list[Rect]) -> list[Wall]:
    """The plate minus rectangles as few boxes: strips along the axis that needs fewer of them."""
    along_x = _strips(plate, holes)
    swapped = _strips(_swap(plate), [_swap(hole) for hole in holes])
    strips = along_x if len(along_x) <= len(swapped) else [_swap(strip) for strip in swapped]
    return [
        Wall(np.array([(r.x0 + r.x1) / 2, (r.y0 + r.y1) / 2]),
             np.array([(r.x1 - r.x0) / 2, (r.y1 - r.y0) / 2]), 0.0)
        for r in strips
    ]  # fmt: skip


def _swap(r: Rect) -> Rect:
    return Rect(r.y0, r.y1, r.x0, r.x1)


def _strips(plate: Rect, holes: list[Rect]) -> list[Rect]:
    """Boxes that are as wide in x as they can be, joined in y where their widths agree."""
    ys = sorted({plate.y0, plate.y1, *(h.y0 for h in holes), *(h.y1 for h in holes)})
    ys = [y for i, y in enumerate(ys) if i == 0 or y - ys[i - 1] > EPSILON_M]
    done: list[Rect] = []
    growing: dict[tuple[float, float], Rect] = {}
    for y0, y1 in pairwise(ys):
        row = {}
        for x0, x1 in _free_spans(plate, holes, (y0 + y1) / 2):
            before = growing.pop((x0, x1), None)
            row[x0, x1] = Rect(x0, x1, before.y0 if before else y0, y1)
        done += growing.values()
        growing = row
    return done + list(growing.values())


def _free_spans(plate: Rect, holes: list[Rect], y: float) -> list[tuple[float, float]]:
    spans, x = [], plate.x0
    for hole in sorted(h for h in holes if h.y0 < y < h.y1):
        if hole.x0 > x + EPSILON_M:
            spans.append((x, hole.x0))
        x = max(x, hole.x1)
    if plate.x1 > x + EPSILON_M:
        spans.append((x, plate.x1))
    return spans
