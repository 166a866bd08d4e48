"""Read a user's STL or OBJ file, and refuse what is no closed convex body."""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import ConnectorError
from oda_sim.geometry import Array

FLAT = 1e-4  # how far a corner may stand out of a face, in parts of the body's size
STL_HEADER, STL_FACET = 84, 50  # bytes
Index = NDArray[np.int64]


class Body(NamedTuple):
    """Surface of a part in the units of its file."""

    vertices: Array  # (n, 3)
    faces: Index  # (m, 3) corners of each triangle


def read_body(path: str) -> Body:
    """Read a closed convex body.

    Raises:
        ConnectorError: the file is missing, no mesh, empty, open or not convex.
    """
    try:
        changed_ns = Path(path).stat().st_mtime_ns
    except OSError as error:
        raise ConnectorError(
            f"{path}: cannot be read ({error.strerror}); give the mesh file's path relative to the "
            "connector's YAML file"
        ) from error
    return _read_version(path, changed_ns)


@lru_cache(maxsize=256)
def _read_version(path: str, _changed_ns: int) -> Body:
    """One version of a file, read once."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".stl", ".obj"):
        raise ConnectorError(f"{path}: found a {suffix or 'nameless'} file, expected .stl or .obj")
    content = Path(path).read_bytes()
    try:
        body = _merged(*(_stl(content) if suffix == ".stl" else _obj(content.decode())))
    except (ValueError, IndexError) as error:
        raise ConnectorError(f"{path}: is no valid {suffix[1:].upper()} file ({error})") from error
    fault = _fault(body)
    if fault:
        raise ConnectorError(f"{path}: {fault}")
    return body


def _stl(content: bytes) -> tuple[Array, Index]:
    count = int.from_bytes(content[80:STL_HEADER], "little")
    if len(content) == STL_HEADER + STL_FACET * count:
        facet = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
        vertices = np.frombuffer(content, facet, count, STL_HEADER)["corners"].reshape(-1, 3)
    else:
        lines = (line.split() for line in content.decode().splitlines())
        rows = [words[1:4] for words in lines if words and words[0] == "vertex"]
        vertices = np.array(rows).reshape(-1, 3)
    return vertices.astype(np.float64), np.arange(len(vertices)).reshape(-1, 3)


def _obj(content: str) -> tuple[Array, Index]:
    lines = [line.split() for line in content.splitlines()]
    vertices = np.array([w[1:4] for w in lines if w and w[0] == "v"]).reshape(-1, 3)
    triangles = []
    for words in (w[1:] for w in lines if w and w[0] == "f"):
        numbers = [int(word.split("/")[0]) for word in words]
        corners = [n - 1 if n > 0 else len(vertices) + n for n in numbers]
        triangles += [(corners[0], a, b) for a, b in pairwise(corners[1:])]
    return vertices.astype(np.float64), np.array(triangles, np.int64).reshape(-1, 3)


def _merged(vertices: Array, faces: Index) -> Body:
    """Corners at one place become one; faces without area go."""
    if not np.all(np.isfinite(vertices)):
        raise ValueError("a corner is not finite")
    if len(faces) == 0:
        return Body(vertices[:0], faces)
    grid = np.round(vertices / (1e-6 * max(float(np.ptp(vertices, axis=0).max()), 1e-9)))
    _, first, index = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    corners = index.reshape(-1)[faces]
    a, b, c = corners.T
    return Body(vertices[first], corners[(a != b) & (b != c) & (c != a)])


def _fault(body: Body) -> str:
    """Why a body cannot be used; empty if it can."""
    if len(body.faces) == 0:
        return "holds no triangles; export the part as a surface"
    edges = np.sort(body.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    if np.any(uses != 2):
        return (
            f"is open: {np.sum(uses != 2)} of its {len(uses)} edges do not join two triangles, "
            "expected a closed surface; export it as a solid"
        )
    size = float(np.ptp(body.vertices, axis=0).max())
    out = _highest(body)
    if out > FLAT * size:
        return (
            f"is not convex: a corner stands {out:.3g} units outside a face's plane, of a size of "
            f"{size:.3g}; split the part into convex files and list them all"
        )
    return ""


def _highest(body: Body) -> float:
    """Furthest distance of a corner beyond the plane of a face; infinite for a flat body."""
    a, b, c = (body.vertices[body.faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    thick = area > 1e-9 * area.max()
    normal = normal[thick] / area[thick, None]
    height = (body.vertices - body.vertices.mean(axis=0)) @ normal.T  # (n, m)
    plane = np.sum(normal * (a[thick] - body.vertices.mean(axis=0)), axis=1)  # (m,)
    if np.abs(plane).min() < FLAT * np.ptp(body.vertices, axis=0).max():
        return np.inf  # a plane through the middle
    return float(np.max(height * np.sign(plane) - np.abs(plane)))
