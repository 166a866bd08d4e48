"""Connectors from a user's own mesh files."""

import struct
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import yaml

from oda_core.errors import ConnectorError
from oda_sim.connector import Connector, dump_connector, load_connector
from oda_sim.env import InsertionEnv
from oda_sim.geometry import cut_plate
from oda_sim.insertion import InsertionSim
from oda_sim.operator import Operator
from oda_sim.outline import plate, plug_length_m, prisms, tip_m
from oda_sim.plug import plug_parts
from oda_sim.variations import vary

MODEL = load_connector("metal-peg-sq")


def _rings(corners: np.ndarray, sides: int) -> list[tuple[int, ...]]:
    """Faces, counter-clockwise from outside, of a stack of rings of corners."""
    levels = len(corners) // sides
    faces = [tuple(reversed(range(sides)))]
    for level in range(levels - 1):
        for i in range(sides):
            a, b = level * sides + i, level * sides + (i + 1) % sides
            faces.append((a, b, b + sides, a + sides))
    return [*faces, tuple(range((levels - 1) * sides, levels * sides))]


def _triangles(corners, faces):
    return [corners[[f[0], a, b]] for f in faces for a, b in pairwise(f[1:])]


def _binary_stl(path, corners, faces):
    triangles = _triangles(corners, faces)
    rows = [struct.pack("<12fH", 0, 0, 0, *t.ravel(), 0) for t in triangles]
    path.write_bytes(bytes(80) + struct.pack("<I", len(triangles)) + b"".join(rows))


def _ascii_stl(path, corners, faces):
    lines = ["solid part"]
    for triangle in _triangles(corners, faces):
        points = [f"vertex {x:.9g} {y:.9g} {z:.9g}" for x, y, z in triangle]
        lines += ["facet normal 0 0 0", "outer loop", *points, "endloop", "endfacet"]
    path.write_text("\n".join([*lines, "endsolid"]))


def _obj(path, corners, faces):
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in corners]
    lines += ["f " + " ".join(f"{i + 1}/1/1" for i in face) for face in faces]
    path.write_text("\n".join(lines))


WRITERS = {"binary.stl": _binary_stl, "ascii.stl": _ascii_stl, "part.obj": _obj}


def _box(x0, x1, y0, y1, z0, z1):
    ring = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return np.concatenate([np.column_stack([ring, np.full(4, z)]) for z in (z0, z1)])


def _write_twin(directory, suffix="binary.stl"):
    """The square peg as meshes [mm] beside a YAML file; its path."""
    (directory / "parts").mkdir(parents=True, exist_ok=True)
    peg = 1e3 * plug_parts(MODEL)[0]
    WRITERS[suffix](directory / f"parts/peg-{suffix}", peg, _rings(peg, 4))
    walls = []
    for i, wall in enumerate(cut_plate(plate(MODEL), [p.hole for p in prisms(MODEL)])):
        (x0, y0), (x1, y1) = 1e3 * (wall.center - wall.half), 1e3 * (wall.center + wall.half)
        corners = _box(x0, x1, y0, y1, 0.0, MODEL.socket.depth_mm)
        WRITERS[suffix](directory / f"parts/wall{i}-{suffix}", corners, _rings(corners, 4))
        walls.append({"file": f"parts/wall{i}-{suffix}"})
    data = yaml.safe_load(dump_connector(MODEL))
    data["name"] = "twin"
    data["plug"].update(pins=[], meshes=[{"file": f"parts/peg-{suffix}"}])
    data["socket"]["meshes"] = walls
    path = directory / "twin.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def _changed(path, change):
    data = yaml.safe_load(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.fixture(scope="module")
def twin(tmp_path_factory) -> Connector:
    return load_connector(_write_twin(tmp_path_factory.mktemp("twin")))


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_peg(suffix, tmp_path):
    connector = load_connector(_write_twin(tmp_path, suffix))
    (corners,) = plug_parts(connector)
    (expected,) = plug_parts(MODEL)
    order = [a[np.lexsort(np.round(a, 7).T)] for a in (corners, expected)]
    np.testing.assert_allclose(order[0], order[1], atol=1e-8)
    assert plug_length_m(connector) == pytest.approx(plug_length_m(MODEL), abs=1e-8)
    np.testing.assert_allclose(tip_m(connector), tip_m(MODEL), atol=1e-8)


def _forces(connector):
    """Axial force at each 10 ms of a push into a blocked, aligned hole [N]."""
    blocked = replace(connector, socket=replace(connector.socket, blocked_depth_mm=6.0))
    sim = InsertionSim(blocked)
    start = connector.start
    sim.jump(np.array([*start.lateral_mm, 0.0]) * 1e-3, 0)
    forces = []
    for _ in range(150):
        turned = 2 * sim.tcp_pose().relative_to(sim.start_pose).quaternion[2]
        turn = np.clip(3 * (np.deg2rad(start.yaw_deg) - turned), -0.2, 0.2)
        sim.apply(np.array([0, 0, 0.015, 0, 0, turn]))
        sim.step()
        forces.append(-sim.state().wrench[2])
    return np.array(forces)


def test_meshes_press_as_pins_do(twin):
    meshes, pins = _forces(twin), _forces(MODEL)
    assert pins.max() > 5.0
    np.testing.assert_allclose(meshes, pins, atol=0.1 * pins.max())


def test_operator_inserts_meshes_as_it_does_pins(twin):
    wins = []
    for connector in (twin, MODEL):
        env = InsertionEnv(connector, simulate_reset=False)
        wins.append(0)
        for seed in range(8):
            env.reset(seed=seed)
            operator = Operator(connector, np.random.default_rng(seed))
            done = False
            while not done:
                *_, terminated, truncated, _ = env.step(
                    operator.act(env.last_state, env.start_pose)
                )
                done = terminated or truncated
            wins[-1] += terminated
    assert min(wins) >= 7


def test_a_copy_elsewhere_still_finds_its_meshes(twin, tmp_path):
    copy = tmp_path / "elsewhere" / "connector.yaml"
    copy.parent.mkdir()
    copy.write_text(dump_connector(twin))
    assert load_connector(copy) == twin


def test_variations_of_meshes(twin):
    drawn = [vary(twin, np.random.default_rng(seed)) for seed in range(5)]
    assert len({v.start for v in drawn}) == 5
    assert all(v.plug == twin.plug and v.socket.meshes == twin.socket.meshes for v in drawn)


def test_pins_may_stand_beside_meshes(tmp_path):
    """A mesh in the free hole of a shell of pins adds to the plate."""
    path = _write_twin(tmp_path)

    def with_pins(data):
        data["plug"] = yaml.safe_load(dump_connector(MODEL))["plug"]
        data["socket"]["meshes"] = [{"file": "parts/wall0-binary.stl"}]

    connector = load_connector(_changed(path, with_pins))
    assert plug_length_m(connector) == plug_length_m(MODEL)
    assert InsertionSim(connector).model.geom("socket_0").id > 0


def _arrow(directory):
    ring = np.array([(0, 0), (5, 5), (0, 2), (-5, 5.0)])
    corners = np.concatenate([np.column_stack([ring, np.full(4, z)]) for z in (0.0, 25.0)])
    _binary_stl(directory / "parts/peg-binary.stl", corners, _rings(corners, 4))


def _opened(directory):
    peg = 1e3 * plug_parts(MODEL)[0]
    _binary_stl(directory / "parts/peg-binary.stl", peg, _rings(peg, 4)[:-1])


def _flattened(directory):
    peg = 1e3 * plug_parts(MODEL)[0] * (1, 1, 0)
    _binary_stl(directory / "parts/peg-binary.stl", peg, _rings(peg, 4))


def _meshes(data):
    return data["plug"]["meshes"][0]


BROKEN_FILES = {
    "not convex": (_arrow, "is not convex.*split"),
    "open": (_opened, "is open.*edges"),
    "flat": (_flattened, "is (not convex|open)"),
    "empty": (lambda d: (d / "parts/peg-binary.stl").write_bytes(b""), "holds no triangles"),
    "missing": (lambda d: (d / "parts/peg-binary.stl").unlink(), "cannot be read.*relative"),
    "no mesh": (lambda d: (d / "parts/peg-binary.stl").write_bytes(b"\xff\xfe"), "no valid STL"),
}
BROKEN_WORDS = {
    "metres": (lambda d: _meshes(d).update(unit_mm=1000.0), "measures 2.5e.04 mm.*unit_mm"),
    "too far aside": (lambda d: _meshes(d).update(center_mm=[1.0, 0, 0]), "overlap by .* mm at"),
    "turned": (lambda d: _meshes(d).update(yaw_deg=10.0), "overlap by"),
    "no socket": (lambda d: d["socket"].update(meshes=[]), "socket.meshes: found none"),
    "other format": (lambda d: _meshes(d).update(file="twin.yaml"), "expected .stl or .obj"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_broken_files_are_refused(case, tmp_path):
    path = _write_twin(tmp_path)
    damage, hint = BROKEN_FILES[case]
    damage(tmp_path)
    with pytest.raises(ConnectorError, match=hint):
        load_connector(path)


@pytest.mark.parametrize("case", BROKEN_WORDS)
def test_wrong_placement_is_refused(case, tmp_path):
    change, hint = BROKEN_WORDS[case]
    with pytest.raises(ConnectorError, match=hint):
        load_connector(_changed(_write_twin(tmp_path), change))
