"""From spacenavd's socket to /oda/teleop/twist: both nodes, with a simulated robot."""

import itertools
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from sensor_msgs.msg import Joy

sys.path.insert(0, str(Path(__file__).parents[1]))
from spnav_server import SpnavServer, button, motion, plugged

from oda_core import topics
from oda_core.messages import state_from_msg, twist_from_msg
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.se3 import quat_rotate
from oda_msgs.msg import Episode, TcpState

pytestmark = pytest.mark.ros
SILENT_S = 1.0  # for a busy machine


class Puck:
    """A hand on a mouse: reports its deflection every 8 ms, and is never quite still."""

    def __init__(self, server: SpnavServer) -> None:
        self._server, self._ended = server, threading.Event()
        self.counts = (0,) * 6

    def __enter__(self) -> "Puck":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        trembles = itertools.cycle((0, 1))
        while not self._ended.wait(0.008):
            if any(self.counts):
                self._server.send(motion(*self.counts[:5], next(trembles)))


class Bench:
    """The topics and the parameters of a teleoperation."""

    def __init__(self, client: Client) -> None:
        self.client = client
        collect = client.collect
        self.states = collect(TcpState, "/oda/state", qos.STATE)
        self.twists = collect(TwistStamped, "/oda/teleop/twist", qos.COMMAND_LOG)
        self.raw = collect(Twist, "/spacenav/twist", qos.profile(10))
        self.joys = collect(Joy, "/spacenav/joy", qos.profile(10))
        self.parameters = AsyncParameterClient(client.node, "/teleop")

    def base_velocity(self) -> np.ndarray:
        """Of the newest twist [m/s]."""
        turn = state_from_msg(self.states[-1]).pose.quaternion
        return quat_rotate(turn, twist_from_msg(self.twists[-1].twist)[:3])

    def moves(self, expected: tuple[float, float, float]) -> None:
        found = [np.zeros(3)]

        def there() -> bool:
            if self.twists:
                found[0] = self.base_velocity()
            return bool(self.twists) and np.allclose(found[0], expected, atol=1e-5)

        self.twists.clear()
        deadline = time.monotonic() + 10
        while not there():
            assert time.monotonic() < deadline, (
                f"found {found[0]}, expected {expected}; {twist_from_msg(self.raw[-1])} "
                f"{self.joys[-1].buttons}\n{self.nodes.log('teleop_node')}"
            )
            self.client.executor.spin_once(0.05)

    def silent(self) -> None:
        """No twist comes from now on."""
        self.twists.clear()
        self.client.turn_for(0.5)
        assert not self.twists

    def set(self, name: str, value: object) -> str:
        """Set a parameter; the refusal."""
        answer = self.parameters.set_parameters([Parameter(name, value=value)])
        return self.client.done(answer, "the parameter").results[0].reason


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("teleop")
    path = folder / "spnav.sock"
    with own_domain() as domain, Nodes(folder, domain) as nodes, Client(domain) as client:
        nodes.start("oda_sim.ros.sim_node")
        nodes.start("oda_teleop.ros.teleop_node", use_sim_time=True, silent_s=SILENT_S)
        nodes.start("oda_teleop.ros.spacenav_node", socket=str(path))
        bench = Bench(client)
        bench.path, bench.nodes = path, nodes
        client.until(lambda: bench.states and bench.parameters.services_are_ready(), "the nodes")
        yield bench
        assert set(nodes.stop().values()) == {0}


def test_deadman_shape_gear_and_release(bench: Bench) -> None:
    with SpnavServer(bench.path) as server, Puck(server) as puck:
        bench.client.until(lambda: bench.raw, "the driver's zeros")
        assert not twist_from_msg(bench.raw[-1]).any()
        assert not any(joy.buttons for joy in bench.joys)
        puck.counts = (0, -350, 0, 0, 0, 0)  # pressed down
        bench.silent()
        puck.counts = (0,) * 6
        server.send(motion(*puck.counts))
        server.send(button(0, True))
        bench.moves((0, 0, 0))
        assert bench.twists[-1].header.frame_id == "oda_tcp"
        puck.counts = (0, -350, 0, 0, 0, 0)
        bench.moves((0, 0, -0.02))
        assert np.linalg.norm(twist_from_msg(bench.twists[-1].twist)) == pytest.approx(0.02)
        assert not bench.set("shaping.gear", 0)
        bench.moves((0, 0, -0.004))
        for _ in range(2):  # a double press shifts
            server.send(button(1, True) + button(1, False))
            bench.client.turn_for(0.05)
        bench.moves((0, 0, -0.01))
        assert not bench.set("shaping.lock", "rotation")
        bench.moves((0, 0, 0))
        assert not bench.set("shaping.lock", "none")
        server.send(button(0, False))
        bench.client.turn_for(0.3)
        bench.silent()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("shaping.expo", 1.5, "expected 0.0 to 1.0"),
        ("shaping.lock", "diagonal", "expected one of none, translation, rotation, dominant"),
        ("shaping.gear", 3, "found 3, expected 0 to 2"),
        ("shaping.scale", [1.0, 2.0], "expected -1.0 to 1.0|found 2 factors"),
        ("rate_hz", 5.0, "expected 10.0 to 50.0|range"),
        ("deadman_button", 1, "also bound"),
        ("buttons.start", "often", "expected the number of a button"),
    ],
)
def test_a_bad_parameter_is_refused_while_the_node_runs(bench: Bench, name, value, reason) -> None:
    found = bench.set(name, value)
    assert re.search(reason, found) or "range" in found, found


def test_an_unplugged_mouse_and_a_dead_daemon_stop_the_twists_until_pressed_anew(
    bench: Bench,
) -> None:
    for gone in ("mouse", "daemon"):
        with SpnavServer(bench.path) as server, Puck(server) as puck:
            count = len(bench.raw)
            bench.client.until(lambda n=count: len(bench.raw) > n, "the driver's zeros")
            server.send(button(0, False) + button(0, True))
            bench.moves((0, 0, 0))
            puck.counts = (350, 0, 0, 0, 0, 0)
            bench.client.until(lambda: abs(bench.base_velocity()).max() > 0.005, "motion")
            puck.counts = (0,) * 6
            if gone == "mouse":
                server.send(plugged(False))
                stopped(bench)
                server.send(plugged(True) + motion(350, 0, 0, 0, 0, 0))
                bench.silent()
                server.send(motion(0, 0, 0, 0, 0, 0) + button(0, True))
                bench.moves((0, 0, 0))
        stopped(bench)
        assert "spacenavd: " in bench.nodes.log("spacenav_node")


def test_a_button_takes_back_between_episodes_only(bench: Bench) -> None:
    episodes = bench.client.node.create_publisher(Episode, topics.EPISODE, qos.EVENTS)
    with SpnavServer(bench.path) as server:
        for event, said in (
            (Episode.EVENT_START, "discard: an episode is running; mark it first"),
            (Episode.EVENT_SUCCESS, f"{topics.RECORD_DISCARD}: nobody serves it"),
        ):
            episodes.publish(Episode(event=event))
            bench.client.turn_for(0.3)
            server.send(button(8, True) + button(8, False))
            bench.client.until(lambda s=said: s in bench.nodes.log("teleop_node"), said)


def stopped(bench: Bench) -> None:
    """Soon nothing is published any more."""
    bench.client.turn_for(SILENT_S + 0.5)
    bench.silent()
