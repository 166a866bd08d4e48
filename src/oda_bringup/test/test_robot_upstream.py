"""What our launch files name, against the sources of ros2_control and of the arm's driver.

ODA_UPSTREAM names a folder with ros2_control, ros2_controllers, robot_state_publisher (branches
jazzy) and what repos/ pins; without it these tests are skipped.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from graph_stubs import CLIENT, graph_of
from worker import DOMAIN

from oda_bringup.plans import SIM
from oda_bringup.robot import PLUGIN, controller_files, describe
from oda_sim.arm import JOINT_NAMES

NEEDED = ("ros2_control", "ros2_controllers", "robot_state_publisher", "lbr_fri_ros2_stack")
OWN = Path(__file__).parents[2]  # src/
ALSO = ("joint_state_broadcaster", "oda_controllers")  # which need no file of theirs
SHARED = ("lbr_description", "lbr_ros2_control")  # whose files the description names
ROBOTS = ("mock", "hardware")
LAUNCH = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
source = PythonLaunchDescriptionSource(sys.argv[1])
arguments = [tuple(word.split(":=")) for word in sys.argv[2:]]
service = LaunchService(argv=sys.argv[2:])
service.include_launch_description(IncludeLaunchDescription(source, launch_arguments=arguments))
sys.exit(service.run())
"""


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with the sources; what they install for the description is on AMENT_PREFIX_PATH."""
    folder = Path(os.environ.get("ODA_UPSTREAM", "/nowhere"))
    if missing := [name for name in NEEDED if not (folder / name).is_dir()]:
        pytest.skip(f"ODA_UPSTREAM={folder} has no {', '.join(missing)}")
    pytest.importorskip("xacro", reason="xacro is not installed")
    prefix = tmp_path / "upstream"
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for name in SHARED:
        (prefix / "share" / name).symlink_to(folder / "lbr_fri_ros2_stack" / name)
        (index / name).touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}:{os.environ['AMENT_PREFIX_PATH']}")
    return folder


def plugins(folder: Path) -> Iterator[str]:
    """Names of the classes that plugin descriptions below a folder declare."""
    for path in folder.rglob("*.xml"):
        if "<class" in (text := path.read_text(errors="replace")):
            for element in ElementTree.fromstring(text).iter("class"):
                yield element.get("name") or element.get("type") or ""
                yield element.get("type") or ""


def has_executable(package: Path, name: str) -> bool:
    """A package's build files install an executable of this name."""
    cmake = (package / "CMakeLists.txt").read_text()
    setup = package / "setup.cfg"
    scripts = setup.read_text() if setup.exists() else ""
    return bool(
        re.search(rf"add_executable\({name}\b|EXECUTABLE {name}\b", cmake)
        or re.search(rf"^ *{name} =", scripts, re.MULTILINE)
    )


@pytest.mark.parametrize("robot", ROBOTS)
def test_every_executable_is_there(robot: str, upstream: Path, tmp_path: Path) -> None:
    foreign = [n for n in graph_of(SIM, tmp_path, robot=robot) if not n.package.startswith("oda_")]
    assert foreign
    for node in foreign:
        (package,) = {
            file.parent
            for file in upstream.rglob("package.xml")
            if f"<name>{node.package}</name>" in file.read_text()
        }
        assert has_executable(package, node.executable), node


def test_every_controller_is_there(upstream: Path) -> None:
    content = yaml.safe_load(controller_files("hardware")[0].read_text())
    managed = content["/oda/controller_manager"]["ros__parameters"].values()
    known = {*plugins(upstream), *plugins(OWN)}
    assert {c["type"] for c in managed if isinstance(c, dict)} <= known


def test_topics_of_the_drivers_broadcaster_are_none_of_ours(upstream: Path, tmp_path: Path) -> None:
    folder = upstream / "lbr_fri_ros2_stack" / "lbr_ros2_control" / "src" / "controllers"
    source = (folder / "lbr_state_broadcaster.cpp").read_text()
    (spawner,) = (
        node for node in graph_of(SIM, tmp_path, robot="hardware") if "lbr_state" in node.name
    )
    renamed = re.findall(r"-r (\w+):=/oda/lbr_state_broadcaster/", " ".join(spawner.arguments))
    published = re.findall(r'create_publisher<[^>]+>\("(\w+)"', source)
    assert published
    assert set(published) <= set(renamed)


@pytest.mark.parametrize("robot", ROBOTS)
def test_the_hardware_is_there_with_every_interface(robot: str, upstream: Path) -> None:
    (system,) = ElementTree.fromstring(describe(robot)).findall("ros2_control")
    assert system.findtext("hardware/plugin") in set(plugins(upstream))
    joints = {joint.get("name"): joint for joint in system.findall("joint")}
    assert set(joints) == set(JOINT_NAMES)
    for joint in joints.values():
        assert {i.get("name") for i in joint.findall("command_interface")} == {"position", "effort"}
        states = {i.get("name") for i in joint.findall("state_interface")}
        assert states >= {"position", "velocity", "effort"}
        assert ("external_torque" in states) == (robot == "hardware")


def test_every_mesh_of_the_description_is_named_below_its_package(upstream: Path) -> None:
    meshes = re.findall(r'filename="package://([^/]+)/', describe("hardware"))
    assert set(meshes) == {"lbr_description"}


@pytest.mark.ros
@pytest.mark.parametrize("robot", ROBOTS)
def test_the_launch_file_resolves(robot: str, upstream: Path, prefix: Path, tmp_path: Path) -> None:
    """Upstream's launch runs the file itself; the executables are stubs, and the arbiter ends."""
    pytest.importorskip("launch_ros")
    for name in ("controller_manager", "robot_state_publisher", *ALSO):
        (prefix / "share" / name).mkdir(exist_ok=True)
    plugin = prefix / "share" / "ament_index" / "resource_index" / PLUGIN / "oda_controllers"
    plugin.parent.mkdir()
    plugin.touch()
    (prefix / "lib" / "oda_teleop" / "arbiter_node").write_text(CLIENT)
    expected = {node.executable for node in graph_of(SIM, tmp_path, robot=robot)}
    record, output = tmp_path / "record", tmp_path / "session"
    record.mkdir()
    environment = {
        "ODA_TEST_RECORD": str(record),
        "ODA_TEST_SERVERS": str(len(expected) - 1),
        "ODA_TEST_CODE": "0",
        "ROS_DOMAIN_ID": str(DOMAIN),
    }
    file = OWN / "oda_bringup" / "launch" / f"robot_{robot}.launch.py"
    result = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(file), f"output:={output}"],
        capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False,
    )  # fmt: skip
    text = result.stdout + result.stderr
    assert "/oda/arbiter ended with exit code 0" in text
    assert {path.name for path in record.iterdir()} == expected, text
    urdf = (output / "robot.urdf").read_text()
    assert 'name="oda_tcp"' in urdf
    parameters = yaml.safe_load((output / "parameters" / "robot_state_publisher.yaml").read_text())
    assert parameters["/oda/robot_state_publisher"]["ros__parameters"] == {
        "robot_description": urdf
    }
