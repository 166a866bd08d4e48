"""Cutting plates and refusing what cannot be built."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from oda_core.errors import ConfigError, ConnectorError
from oda_sim.connector import (
    CONNECTOR_DIR,
    Connector,
    dump_connector,
    list_connectors,
    load_connector,
)
from oda_sim.geometry import Rect, cut_plate, edges, gap, offset, regular, transform
from oda_sim.variations import stress, vary

PLATE = Rect(-0.02, 0.02, -0.02, 0.02)


def _covered(walls, points):
    hit = np.zeros(len(points), bool)
    for wall in walls:
        normal, value = edges(wall.polygon)
        hit |= np.all(points @ normal.T <= value + 1e-9, axis=1)
    return hit


@pytest.mark.parametrize(
    "holes",
    [
        [Rect(-0.006, 0.006, -0.003, 0.003).polygon],
        [Rect(-0.006, 0.006, -0.003, 0.003).polygon, Rect(-0.002, 0.002, 0.002, 0.005).polygon],
        [regular(12, 0.004)],
        [transform(regular(12, 0.003), np.array([0.008, 0.005]), 0.0), regular(6, 0.003)],
        [regular(12, 0.004), Rect(0.003, 0.006, -0.002, 0.002).polygon],
        [regular(12, 0.004), transform(regular(5, 0.003), np.array([0.005, 0.001]), 0.3)],
        [regular(12, 0.004), regular(6, 0.004), Rect(-0.007, 0.007, -0.001, 0.001).polygon],
    ],
)
def test_walls_cover_the_plate_and_leave_the_holes_open(holes):
    points = np.random.default_rng(0).uniform(-0.02, 0.02, (4000, 2))
    inside = np.zeros(len(points), bool)
    edge = np.zeros(len(points), bool)
    for hole in holes:
        smaller, larger = offset(hole, -1e-5), offset(hole, 1e-5)
        inside |= np.array([gap(np.array([p, p + 1e-9, p - 1e-9]), smaller) < 0 for p in points])
        edge |= np.array([gap(np.array([p, p + 1e-9, p - 1e-9]), larger) < 0 for p in points])
    covered = _covered(cut_plate(PLATE, holes), points)
    assert inside.any() and not covered[inside].any()
    assert covered[~edge].all()


def test_offset_moves_edges():
    grown = offset(Rect(-1.0, 1.0, -2.0, 2.0).polygon, 0.5)
    assert np.allclose(grown, Rect(-1.5, 1.5, -2.5, 2.5).polygon)


@pytest.mark.parametrize("name", list_connectors())
def test_yaml_round_trip(name, tmp_path):
    connector = load_connector(name)
    assert connector.name == name and connector.source
    path = tmp_path / "copy.yaml"
    path.write_text(dump_connector(connector))
    assert load_connector(path) == connector


def test_splits_hold_what_the_design_asks_for():
    assert len(list_connectors("train")) == 11
    assert set(list_connectors("test")) == {
        "us-ac-plug", "nema14-30p", "metal-peg-rec", "metal-peg-rd", "uk-ac-plug", "car-plug-4p",
        "metal-peg-sq", "car-plug-3p", "eu-ac-plug",
    }  # fmt: skip
    challenges = [load_connector(name) for name in list_connectors("challenge")]
    assert {c.name for c in challenges} == {"ram-288", "network-card-18", "complex-shape"}
    assert all(c.start.noise_mm == 0.0 for c in challenges)


def test_training_spans_the_test_connectors():
    """Depth, clearance, retention and transform of the tests lie within those of training."""

    def features(split):
        loaded = [load_connector(name) for name in list_connectors(split)]
        return np.array(
            [
                (
                    c.socket.depth_mm, c.socket.clearance_mm, *c.start.lateral_mm, c.start.yaw_deg,
                    c.start.height_mm, c.retention.force_n if c.retention else 0.0,
                )
                for c in loaded
            ]
        )  # fmt: skip

    train, test = features("train"), features("test")
    assert np.all(train.min(axis=0) <= test.min(axis=0))
    assert np.all(train.max(axis=0) >= test.max(axis=0))


def _changed(change, tmp_path, name="uk-ac-plug"):
    data = yaml.safe_load((CONNECTOR_DIR / f"{name}.yaml").read_text())
    change(data)
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(data))
    return load_connector(path)


BROKEN = {
    "negative clearance": (lambda d: d["socket"].update(clearance_mm=-0.1), "clearance_mm"),
    "hole beyond the rim": (lambda d: d["plug"]["pins"][0].update(center_mm=[-24.0, 0.0]), "wall"),
    "pins too close": (lambda d: d["plug"]["pins"][1].update(center_mm=[-5.0, -11.1]), "between"),
    "deeper than the pin": (lambda d: d["socket"].update(depth_mm=30.0), "longest pin"),
    "blunt chamfer": (lambda d: d["plug"].update(chamfer_mm=[2.5, 0.5]), "chamfer"),
    "pin outside the shell": (
        lambda d: d["plug"].update(shell=dict(size_mm=[20, 40], wall_mm=1, length_mm=5)), "shell"
    ),
    "no such held pin": (lambda d: d["retention"].update(pins=[7]), "retention.pins"),
    "retention above the limit": (lambda d: d["retention"].update(force_n=120.0), "limits"),
    "robot stronger than the part": (lambda d: d["limits"].update(damage_n=80.0), "damage_n"),
    "noise larger than the start": (lambda d: d["start"].update(noise_mm=6.0), "noise_mm"),
    "start inside the socket": (lambda d: d["start"].update(height_mm=0.5), "height_mm"),
    "blocked too deep": (lambda d: d["socket"].update(blocked_depth_mm=50.0), "blocked_depth_mm"),
    "two sizes for a circle": (lambda d: d["plug"]["pins"][0].update(shape="round"), "diameter"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_impossible_geometry_is_refused(case, tmp_path):
    change, hint = BROKEN[case]
    with pytest.raises(ConnectorError, match=hint) as error:
        _changed(change, tmp_path)
    assert "changed.yaml" in str(error.value)


def test_unknown_key_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="clearence_mm"):
        _changed(lambda d: d["socket"].update(clearence_mm=0.1), tmp_path)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ConnectorError, match="uk-ac-plug"):
        load_connector("no-such-plug")


def test_polygon_must_be_convex(tmp_path):
    def arrow(data):
        data["plug"]["pins"] = [
            dict(shape="polygon", length_mm=20.0, points_mm=[[0, 0], [5, 5], [0, 2], [-5, 5]])
        ]
        data.pop("retention")

    with pytest.raises(ConnectorError, match="convex"):
        _changed(arrow, tmp_path)


@pytest.mark.parametrize("name", list_connectors())
def test_variations_are_possible_and_reproducible(name):
    model = load_connector(name)
    drawn = [vary(model, np.random.default_rng(seed)) for seed in range(20)]
    assert all(isinstance(v, Connector) and v.family == model.family for v in drawn)
    assert len({v.start for v in drawn}) == 20
    assert vary(model, np.random.default_rng(3)) == drawn[3]


def test_stress_moves_the_socket_only():
    model = load_connector("uk-ac-plug")
    drawn = [stress(model, np.random.default_rng(seed)) for seed in range(50)]
    assert all(replace(s, name=model.name, start=model.start) == model for s in drawn)
    lateral = np.abs([s.start.lateral_mm for s in drawn])
    assert 3.0 < lateral.max() <= 4.0
    assert 4.0 < max(abs(s.start.yaw_deg) for s in drawn) <= 6.0
    assert all(5.0 <= s.start.height_mm <= 15.0 for s in drawn)
    assert stress(model, np.random.default_rng(7)) == drawn[7]
