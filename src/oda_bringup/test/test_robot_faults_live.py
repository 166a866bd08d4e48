"""What goes wrong with the robot's graph on mock hardware: it ends or lets go, and says why."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from robot_peer import CONNECTOR, NODE, Robot, end, needs_ros2_control, started
from test_live import wait_for
from worker import DOMAIN

from oda_bringup.cli.exits import Exit
from oda_bringup.graph import sim_graph
from oda_bringup.options import SimOptions
from oda_bringup.robot import describe
from oda_bringup.robot_nodes import CONTROLLER
from oda_bringup.ros_args import commands
from oda_bringup.session import PARAMETERS_FILE, Session
from oda_core import topics

pytestmark = [pytest.mark.ros, pytest.mark.slow, needs_ros2_control]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"base_link": "nowhere"}, "found no chain from nowhere to oda_tcp"),
        ({"external_torque_interface": "external_torque"}, "lbr_A1/external_torque' is not avail"),
        ({"law": {"linear_stiffness_n_m": 1e5}}, "law.linear_stiffness_n_m"),
    ],
)
def test_what_does_not_fit_ends_the_graph_and_says_why(
    parameters: dict[str, object], message: str, tmp_path: Path
) -> None:
    content = {NODE: {"ros__parameters": parameters}}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(content))
    oda = started(tmp_path, "--parameters", "wrong.yaml")
    try:
        assert oda.wait(120.0) == Exit.NODE_DIED, oda.text
    finally:
        end(oda)
    assert message in oda.text
    assert f"node spawner_{CONTROLLER} ended with exit code 1" in oda.text


def test_a_killed_manager_ends_the_graph_and_another_one_starts(tmp_path: Path) -> None:
    for _ in range(2):
        oda = started(tmp_path)
        try:
            with Robot() as robot:
                wait_for(lambda r=robot: r.turn_for(0.1) or r.states, oda)
            oda.kill("ros2_control_node")
            assert oda.wait(10.0) == Exit.NODE_DIED, oda.text
        finally:
            end(oda)
        assert "node controller_manager ended with signal 9" in oda.text


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Let them take leave of each other; kill who does not go."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 10.0
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        process.kill()
        process.wait()


@contextmanager
def graph_of(description: str, parameters: dict[str, object], folder: Path) -> Iterator[Robot]:
    """The graph with another description of the arm."""
    session = Session(folder, CONNECTOR, description=description)
    content = {NODE: {"ros__parameters": parameters}}
    (folder / PARAMETERS_FILE).write_text(yaml.safe_dump(content))
    (folder / "logs").mkdir()
    environment = os.environ | {"ROS_DOMAIN_ID": str(DOMAIN)}
    processes = [
        subprocess.Popen(command.argv, env=environment)
        for command in commands(sim_graph(SimOptions(robot="mock"), session), folder)
    ]
    try:
        with Robot() as robot:
            yield robot
    finally:
        stop(processes)


def test_tare_takes_what_is_felt_for_zero(tmp_path: Path) -> None:
    felt = '<state_interface name="external_torque"><param name="initial_value">1.0</param>'
    old = '<state_interface name="effort"/>'
    description = describe("mock").replace(old, f"{old}{felt}</state_interface>")
    assert felt in description
    with graph_of(description, {"external_torque_interface": "external_torque"}, tmp_path) as robot:
        robot.until(lambda: robot.states, topics.STATE, 120.0)
        robot.until(lambda: abs(robot.states[-1].wrench.force.x) > 0.1, "a wrench")
        robot.until(lambda: robot.trigger(topics.TARE).success, topics.TARE)
        robot.until(lambda: abs(robot.states[-1].wrench.force.x) < 1e-9, "a tared wrench")


def test_a_jump_of_a_joint_deactivates_it_without_effort(tmp_path: Path) -> None:
    jump = '<param name="position_state_following_offset">0.1</param>'
    description = describe("mock").replace("</plugin>", f"</plugin>{jump}")
    assert jump in description
    with graph_of(description, {}, tmp_path) as robot:
        fault = "fault: a measured joint position jumped; no torque"
        robot.until(lambda: fault in {m.data for m in robot.reasons}, fault, 120.0)
        robot.until(lambda: CONTROLLER not in robot.active(), "deactivation")
        assert robot.controllers()[CONTROLLER].state == "inactive"
        assert not robot.measured("effort").any()
