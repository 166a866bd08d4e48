"""Layouts that a user may draw: joined holes, and spring fingers where there is little room."""

import numpy as np
import pytest

from oda_sim.connector import Connector
from oda_sim.insertion import InsertionSim
from oda_sim.parts import Key, Pin, Plug, Retention, Shell, Socket, Start
from oda_sim.pushing import push

PERIOD_NS = 100_000_000
TRIANGLE = ((8.0, 0.0), (-4.0, 6.93), (-4.0, -6.93))


def _keyed(pin: Pin, center_mm: float, yaw_deg: float = 0.0) -> Connector:
    """A key wider than the facet of the hole that it joins."""
    key = Key(size_mm=(2.0, 2.4), center_mm=(center_mm, 0.0), length_mm=16.0)
    return Connector(
        name="keyed", family="drawn", split="test", source="this test",
        plug=Plug(pins=(pin,), keys=(key,)),
        socket=Socket(size_mm=(30.0, 30.0), clearance_mm=0.2, depth_mm=12.0),
        start=Start(yaw_deg=yaw_deg),
    )  # fmt: skip


ROUND = Pin(shape="round", size_mm=(7.8,), length_mm=16.0)
POLYGON = Pin(shape="polygon", points_mm=TRIANGLE, length_mm=16.0)


@pytest.mark.parametrize(("pin", "center_mm"), [(ROUND, 4.2), (POLYGON, 7.6)])
def test_a_key_joins_the_hole_of_its_pin(pin, center_mm):
    pushed = push(_keyed(pin, center_mm))
    assert pushed.reached
    assert pushed.force_n.max() < 5.0


def test_a_key_lets_the_plug_in_one_way_round():
    """Turned by 30 degrees, the round pin finds its hole but the key does not."""
    sim = InsertionSim(_keyed(ROUND, 4.2, yaw_deg=30.0))
    sim.jump(np.zeros(3), 0)
    for _ in range(15):
        sim.apply(np.array([0.0, 0.0, 0.02, 0.0, 0.0, 0.0]))
        sim.step(PERIOD_NS)
    assert sim.depth_and_offset()[0] < 0.5e-3
    assert sim.state().wrench[2] < -20.0


def test_fingers_keep_off_a_shell_beside_their_pin():
    """A finger that met the shell on its way aside took a third more force than drawn."""
    pins = tuple(
        Pin(shape="round", size_mm=(2.0,), center_mm=(x, 0.0), length_mm=18.0)
        for x in (-3.65, 3.65)
    )
    connector = Connector(
        name="shrouded", family="drawn", split="test", source="this test",
        plug=Plug(
            pins=pins,
            shell=Shell(size_mm=(14.6, 11.3), wall_mm=1.36, length_mm=21.0),
            chamfer_mm=(0.39, 0.78),
        ),
        socket=Socket(size_mm=(32.0, 32.0), clearance_mm=0.37, depth_mm=15.7),
        retention=Retention(force_n=70.0, start_mm=6.1),
    )  # fmt: skip
    pushed = push(connector)
    assert pushed.reached
    assert pushed.force_n.max() == pytest.approx(70.0, rel=0.1)
