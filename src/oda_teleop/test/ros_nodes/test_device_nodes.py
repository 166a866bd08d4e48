"""Drivers of gamepad and keyboard as processes, with a pipe and a terminal as their hardware."""

import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from geometry_msgs.msg import Twist
from sensor_msgs.msg import Joy

from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain

pytestmark = pytest.mark.ros


def test_a_gamepad_is_heard_lost_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "js0"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        joys = client.collect(Joy, "/joy", qos.profile(10))
        nodes.start("oda_teleop.ros.gamepad_node", path=str(path))
        client.until(lambda: "plug the gamepad in" in nodes.log("gamepad_node"), "the complaint")
        os.mkfifo(path)
        for value in (32767, -32767):
            writer = os.open(path, os.O_RDWR)  # waits for nobody
            count = nodes.log("gamepad_node").count("opened")
            client.until(lambda n=count: nodes.log("gamepad_node").count("opened") > n, "it")
            os.write(writer, struct.pack("=IhBB", 0, value, 2, 0))
            wanted = -value / 32767
            client.until(lambda w=wanted: joys and list(joys[-1].axes) == [w], "the axis")
            os.close(writer)
            client.until(lambda: "plugged out" in nodes.log("gamepad_node"), "the loss")
        assert nodes.stop() == {"gamepad_node": 0}


def test_a_keyboard_needs_a_terminal_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        twists = client.collect(Twist, "/spacenav/twist", qos.profile(10))
        joys = client.collect(Joy, "/spacenav/joy", qos.profile(10))
        mine, its = pty.openpty()
        before = termios.tcgetattr(its)
        with subprocess.Popen(
            [sys.executable, "-c", "from oda_teleop.ros.keyboard_node import main; main()"],
            stdin=its, env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
        ) as node:  # fmt: skip
            client.until(lambda: twists and joys, "the node")
            os.write(mine, b"w3")
            client.until(lambda: twists[-1].linear.x > 0, "the motion")
            client.until(lambda: joys[-1].buttons[3] == 1, "the button")
            client.until(lambda: twists[-1].linear.x == 0, "the rest")
            node.send_signal(signal.SIGINT)
            assert node.wait(10) == 0
        assert termios.tcgetattr(its) == before
        nodes.start("oda_teleop.ros.keyboard_node")  # without a terminal, as under a supervisor
        if not sys.stdin.isatty():
            assert nodes.wait("keyboard_node", 20) == 2
            assert "is no terminal" in nodes.log("keyboard_node")
