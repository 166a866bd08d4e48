"""The graph as data: what it names exists, and both front ends start the same."""

import functools
import importlib
import re
from pathlib import Path

import pytest
import yaml
from graph_stubs import CHOICES, PLANS, graph_of

from oda_bringup.graph import sim_graph
from oda_bringup.nodes import Graph, NodeSpec
from oda_bringup.options import (
    AdaptOptions,
    DemoOptions,
    SimOptions,
    TeleopOptions,
    arguments,
    from_texts,
)
from oda_bringup.plans import ADAPT, SIM
from oda_bringup.robot_nodes import CONTROLLER
from oda_bringup.ros_args import commands, find_executable, parameter_files
from oda_bringup.session import PARAMETERS_FILE, Session
from oda_core.errors import ConfigError, SessionError

SOURCE = Path(__file__).parents[2]
PARAMETERS = {
    "sim_node": "oda_sim.ros.sim_node:SimParameters",
    "operator_node": "oda_sim.ros.operator_node:OperatorParameters",
    "arbiter_node": "oda_teleop.ros.arbiter_node:ArbiterParameters",
    "recorder_node": "oda_teleop.ros.recorder_node:RecorderParameters",
    "teleop_node": "oda_teleop.ros.teleop_node:TeleopParameters",
    "spacenav_node": "oda_teleop.ros.spacenav_node:SpacenavParameters",
    "gamepad_node": "oda_teleop.ros.gamepad_node:GamepadParameters",
    "guide_node": "oda_teleop.ros.guide_node:GuideParameters",
    "scripted_mouse": "oda_bringup.scripted_mouse:MouseParameters",
    "demo_node": "oda_teleop.ros.demo_node:DemoParameters",
    "policy_node": "oda_policy.ros.policy_node:PolicySettings",
    "trainer_node": "oda_policy.ros.trainer_node:TrainerSettings",
    "adapt_node": "oda_policy.ros.adapt_node:AdaptSettings",
    "adapt_client": "oda_bringup.adapt_client:GoalSettings",
}


OURS = [choice for choice in CHOICES if "robot" not in choice[1]]  # those of robots: test_robot.py


@pytest.fixture(params=OURS, ids=lambda choice: "-".join(map(str, choice[1].values())))
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Graph:
    kind, changes = request.param
    return graph_of(PLANS[kind], tmp_path, **changes)


def test_every_executable_is_installed_by_its_package(graph: Graph) -> None:
    for node in graph:
        setup = (SOURCE / node.package / "setup.py").read_text()
        assert re.search(rf"\b{node.executable} = {node.package}\.", setup), node.executable


def test_every_parameter_is_one_of_its_node(graph: Graph) -> None:
    for node in graph:
        module, name = PARAMETERS[node.executable].split(":")
        schema = getattr(importlib.import_module(module), name)
        for key, value in node.parameters.items():
            if key != "use_sim_time":
                default = functools.reduce(getattr, key.split("."), schema())
                assert type(default) is type(value), f"{node.executable}: {key}"


def test_the_arbiter_keeps_the_force_that_the_connector_survives(tmp_path: Path) -> None:
    session = Session(tmp_path, "ram-288", damage_n=200.0)
    (arbiter,) = (n for n in sim_graph(SimOptions(), session) if n.name == "arbiter")
    assert arbiter.parameters["limits.force_n"] == 200.0


def test_the_controller_pulls_no_harder_than_the_connector_bears(tmp_path: Path) -> None:
    session = Session(tmp_path, "network-card-18", lateral_n=20.0, axial_n=60.0)
    graph = {node.name: node for node in sim_graph(SimOptions(robot="mock"), session)}
    file = parameter_files(graph["controller_manager"], tmp_path)[-1]
    content = yaml.safe_load(file.read_text())[f"/oda/{CONTROLLER}"]["ros__parameters"]
    assert content == {"law.lateral_force_n": 20.0, "law.axial_force_n": 60.0}


@pytest.mark.parametrize(("robot", "feels"), [("sim", True), ("hardware", True), ("mock", False)])
def test_a_wrench_that_never_changes_stops_what_can_feel(
    robot: str, feels: bool, tmp_path: Path
) -> None:
    (arbiter,) = (n for n in graph_of(SIM, tmp_path, robot=robot) if n.name == "arbiter")
    assert (arbiter.parameters.get("stuck_s") != 0.0) is feels


def test_names_are_unique_and_in_one_namespace(graph: Graph) -> None:
    names = [node.full_name for node in graph]
    assert len(set(names)) == len(names)
    assert all(name.startswith("/oda/") for name in names)


def test_condition_leaves_the_recorder_out(tmp_path: Path) -> None:
    with_it = {node.name for node in graph_of(ADAPT, tmp_path, record=True)}
    assert with_it - {node.name for node in graph_of(ADAPT, tmp_path)} == {"recorder"}


def test_a_trainer_elsewhere_is_left_out(tmp_path: Path) -> None:
    here = {node.name for node in graph_of(ADAPT, tmp_path)}
    elsewhere = {node.name for node in graph_of(ADAPT, tmp_path, trainer="elsewhere")}
    assert here - elsewhere == {"trainer"}


def test_commands_are_those_of_ros2_run(graph: Graph, prefix: Path, tmp_path: Path) -> None:
    for node, command in zip(graph, commands(graph, tmp_path), strict=True):
        executable, *arguments, file = command.argv
        assert Path(executable) == prefix / "lib" / node.package / node.executable
        assert arguments == [
            "--ros-args", "-r", f"__node:={node.name}", "-r", f"__ns:={node.namespace}",
            "--enclave", node.full_name, "--params-file",
        ]  # fmt: skip
        content = yaml.safe_load(Path(file).read_text())
        assert content == {node.full_name: {"ros__parameters": dict(node.parameters)}}
        assert (command.log is None) == command.client == node.client


def test_remappings_are_passed(prefix: Path, tmp_path: Path) -> None:
    node = NodeSpec(
        package="oda_sim", executable="sim_node", name="sim", remappings=(("/a", "/b"),)
    )
    (command,) = commands((node,), tmp_path)
    assert "/a:=/b" in command.argv


def test_a_users_parameters_come_last(prefix: Path, tmp_path: Path) -> None:
    mine = tmp_path / PARAMETERS_FILE
    mine.write_text("/oda/sim: {ros__parameters: {realtime_factor: 2.0}}")
    for command in commands(graph_of(ADAPT, tmp_path), tmp_path):
        assert command.argv[-2:] == ("--params-file", str(mine))


def test_missing_executable_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    with pytest.raises(SessionError, match=r"oda_sim/ghost: not found .*make setup"):
        find_executable("oda_sim", "ghost")


@pytest.mark.parametrize("schema", [AdaptOptions, DemoOptions, TeleopOptions, SimOptions])
def test_launch_arguments_are_the_options(schema: type) -> None:
    listed = arguments(schema)
    assert all(argument.description for argument in listed)
    assert from_texts(schema, {a.name: a.default for a in listed}, "here") == schema()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"sed": "1"}, "unknown key sed"),
        ({"seed": "many"}, "seed: found str 'many', expected int"),
        ({"seed": "-1"}, "found -1, expected 0 or more"),
        ({"robot": "ur5"}, "expected one of sim, rehearsal, mock, hardware"),
        ({"robot": "mock", "realtime_factor": "2"}, "found 2, but robot mock moves in real time"),
        ({"realtime_factor": "0"}, "expected more than 0"),
    ],
)
def test_bad_launch_argument_is_refused(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_texts(AdaptOptions, texts, "launch arguments")


def test_a_connector_named_like_a_number_stays_text() -> None:
    assert from_texts(AdaptOptions, {"connector": "7"}, "here").connector == "7"
