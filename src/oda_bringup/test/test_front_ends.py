"""ros2 launch and the oda command start the same processes and end alike."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from graph_stubs import PLANS, graph_of
from worker import DOMAIN

LAUNCH = """
from launch import LaunchService
from oda_bringup.rendering import launch_description
service = LaunchService()
service.include_launch_description(launch_description(plan, **changes))
sys.exit(service.run())
"""
SUPERVISE = """
from oda_bringup.cli.live import run_plan
sys.exit(run_plan(plan, plan.schema(**changes)))
"""
PREPARE = """
import dataclasses, sys
from pathlib import Path
from oda_bringup import plans
from oda_bringup.session import Session
session = Session(Path(sys.argv[2]), "metal-peg-sq")
changes = dict(word.split("=") for word in sys.argv[3:])
plan = getattr(plans, sys.argv[1].upper())
plan = dataclasses.replace(plan, check=lambda options: options, open=lambda options: session)
"""
FRONT_ENDS = {"launch": LAUNCH, "supervise": SUPERVISE}


def run_front_end(
    front_end: str, kind: str, directory: Path, dies: str = "", code: int = 0, robot: str = "sim"
) -> tuple[int, dict[str, list[str]], str]:
    """Exit code, arguments by executable, and what was written, of a run with recording stubs.

    The client ends with a code when all others run, or waits for one that dies.
    """
    if front_end == "launch":
        pytest.importorskip("launch_ros")
    record = directory / front_end
    record.mkdir()
    nodes = graph_of(PLANS[kind], directory, robot=robot)
    servers = {node.executable for node in nodes if not node.client}
    environment = os.environ | {
        "ODA_TEST_RECORD": str(record),
        "ODA_TEST_SERVERS": str(len(servers) + bool(dies)),
        "ODA_TEST_DIES": dies,
        "ODA_TEST_CODE": str(code),
        "ROS_DOMAIN_ID": str(DOMAIN),
    }
    result = subprocess.run(
        [sys.executable, "-c", PREPARE + FRONT_ENDS[front_end], kind, str(directory),
         f"robot={robot}"],
        capture_output=True, text=True, timeout=60, env=environment, check=False,
    )  # fmt: skip
    lines = {file.name: file.read_text().splitlines() for file in record.iterdir()}
    return result.returncode, lines, result.stdout + result.stderr


def facts(arguments: list[str]) -> tuple[list[str], set[str], list[str], list[str]]:
    """What a node's arguments say: executable, rules, enclave, content of its parameter files."""
    pairs = list(itertools.pairwise(arguments))
    files = [Path(b).read_text() for a, b in pairs if a == "--params-file"]
    own = arguments[: arguments.index("--ros-args")]
    enclave = [b for a, b in pairs if a == "--enclave"]
    return own, {b for a, b in pairs if a == "-r"}, enclave, files


@pytest.mark.ros
@pytest.mark.parametrize(("kind", "robot"), [("adapt", "sim"), ("demo", "sim"), ("demo", "mock")])
def test_both_start_the_same_nodes_with_the_same_arguments(
    kind: str, robot: str, prefix: Path, tmp_path: Path
) -> None:
    found = {}
    for front_end in FRONT_ENDS:
        code, lines, text = run_front_end(front_end, kind, tmp_path, robot=robot)
        assert code == 0, text
        found[front_end] = {name: facts(arguments) for name, arguments in lines.items()}
    names = {node.executable for node in graph_of(PLANS[kind], tmp_path, robot=robot)}
    assert set(found["launch"]) == names
    assert found["launch"] == found["supervise"]


@pytest.mark.ros
@pytest.mark.parametrize(("front_end", "expected"), [("launch", 1), ("supervise", 3)])
def test_a_death_fails_and_is_named(
    front_end: str, expected: int, prefix: Path, tmp_path: Path
) -> None:
    code, _, text = run_front_end(front_end, "adapt", tmp_path, dies="policy_node")
    assert code == expected, text
    assert "policy" in text
    assert "exit code 3" in text


@pytest.mark.ros
@pytest.mark.parametrize("front_end", sorted(FRONT_ENDS))
def test_the_clients_failure_is_that_of_the_graph(
    front_end: str, prefix: Path, tmp_path: Path
) -> None:
    code, _, text = run_front_end(front_end, "adapt", tmp_path, code=1)
    assert code == 1, text
