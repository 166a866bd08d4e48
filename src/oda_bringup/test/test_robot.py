"""The robot under ros2_control: its description against the simulation, its files, its nodes."""

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import yaml
from graph_stubs import graph_of
from numpy.typing import NDArray

from oda_bringup import robot as robots
from oda_bringup.assets import package_directory
from oda_bringup.options import SimOptions
from oda_bringup.plans import ADAPT, DEMO, SIM, Plan
from oda_bringup.robot import check_robot, controller_files, describe, fri_file
from oda_bringup.robot_nodes import BROADCASTERS, CONTROLLER
from oda_bringup.session import Session, check_sim
from oda_core.errors import OdaError, SessionError
from oda_core.interfaces import share_directory
from oda_core.types import BASE_FRAME, TCP_FRAME
from oda_sim.arm import FLANGE_OFFSET_M, HOME_RAD, JOINT_NAMES, LINKS, TCP_OFFSET_M
from oda_sim.connector import load_connector
from oda_sim.scene import TOOL_CENTER_M, TOOL_MASS_KG, build_scene

# Denavit-Hartenberg figures of the LBR iiwa 7 R800 as its manufacturer publishes them:
# base to shoulder 340, shoulder to elbow 400, elbow to wrist 400, wrist to flange 126 mm.
DH = ((0.340, -90), (0.0, 90), (0.400, 90), (0.0, -90), (0.400, -90), (0.0, 90), (0.126, 0))
LIMITS = np.deg2rad([link.limit_deg for link in LINKS])
POSTURES = np.random.default_rng(0).uniform(-LIMITS, LIMITS, (200, 7))
ROBOTS = ("mock", "hardware")
Transform = NDArray[np.float64]  # (4, 4)


def write_package(prefix: Path, name: str, files: dict[str, str]) -> None:
    """An installed ROS package that holds these files in its share directory."""
    marker = prefix / "share" / "ament_index" / "resource_index" / "packages" / name
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for path, text in files.items():
        file = prefix / "share" / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def arm_macro() -> str:
    """A macro as lbr_description has it, of the simulation's figures."""
    parts = []
    for i, link in enumerate(LINKS):
        names = f'<parent link="lbr_link_{i}"/><child link="lbr_link_{i + 1}"/>'
        limit = f'<limit effort="{link.torque_nm}" lower="-3" upper="3" velocity="1"/>'
        xyz, axis = (" ".join(map(str, v)) for v in (link.origin, link.axis))
        inertia = '<inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
        parts.append(
            f'<joint name="{JOINT_NAMES[i]}" type="revolute"><origin xyz="{xyz}" rpy="0 0 0"/>'
            f'{names}<axis xyz="{axis}"/>{limit}</joint><link name="lbr_link_{i + 1}"><inertial>'
            f'<mass value="{link.mass}"/>{inertia}</inertial></link>'
        )
    return (
        '<robot xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:macro name="iiwa7" '
        'params="robot_name mode system_config_path initial_joint_positions_path">'
        '<link name="lbr_link_0"/>' + "".join(parts) +
        '<joint name="lbr_joint_ee" type="fixed"><parent link="lbr_link_7"/>'
        f'<child link="lbr_link_ee"/><origin xyz="0 0 {FLANGE_OFFSET_M}" rpy="0 0 0"/></joint>'
        '<link name="lbr_link_ee"/></xacro:macro></robot>'
    )  # fmt: skip


@pytest.fixture(params=["own figures", "lbr_description"])
def description(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The expanded URDF, with an arm of our own figures or that of lbr_description."""
    pytest.importorskip("xacro", reason="xacro is not installed")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "own figures":
            macro = {"urdf/iiwa7/iiwa7_description.xacro": arm_macro()}
            write_package(tmp_path, "lbr_description", macro)
            patch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
        else:
            try:
                share_directory("lbr_description")
            except OdaError:
                pytest.skip("lbr_description is not installed; see docs/howto/hardware.md")
        yield describe("mock")


def bare_model(urdf: str) -> mujoco.MjModel:
    """The kinematics of a URDF, loaded by MuJoCo; meshes are left out."""
    root = ElementTree.fromstring(urdf)
    for link in root.iter("link"):
        for kind in ("visual", "collision"):
            for element in link.findall(kind):
                link.remove(element)
    for extra in ("ros2_control", "gazebo"):
        for element in root.findall(extra):
            root.remove(element)
    ElementTree.SubElement(ElementTree.SubElement(root, "mujoco"), "compiler", fusestatic="false")
    return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))


def pose(rotation: NDArray[np.float64], position: NDArray[np.float64]) -> Transform:
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = rotation.reshape(3, 3), position
    return result


def simulated(posture: NDArray[np.float64], model: mujoco.MjModel) -> Transform:
    """TCP in the base frame, as the simulation has it."""
    data = mujoco.MjData(model)
    data.qpos[:7] = posture
    mujoco.mj_kinematics(model, data)
    site = model.site("tcp").id
    return pose(data.site_xmat[site], data.site_xpos[site])


def published(posture: NDArray[np.float64]) -> Transform:
    """TCP in the base frame by the published figures."""
    result = np.eye(4)
    for angle, (d, alpha_deg) in zip(posture, DH, strict=True):
        c, s, alpha = np.cos(angle), np.sin(angle), np.deg2rad(alpha_deg)
        ca, sa = np.cos(alpha), np.sin(alpha)
        step = [[c, -s * ca, s * sa, 0], [s, c * ca, -c * sa, 0], [0, sa, ca, d], [0, 0, 0, 1]]
        result = result @ np.array(step)
    return result @ pose(np.eye(3), np.array([0, 0, TCP_OFFSET_M]))


def test_simulation_has_the_published_kinematics() -> None:
    model = build_scene(load_connector("metal-peg-sq"))
    for posture in POSTURES:
        np.testing.assert_allclose(simulated(posture, model), published(posture), atol=1e-9)


def test_description_has_the_kinematics_of_the_simulation(description: str) -> None:
    scene, arm = build_scene(load_connector("metal-peg-sq")), bare_model(description)
    data = mujoco.MjData(arm)
    joints = [arm.joint(name).qposadr[0] for name in JOINT_NAMES]
    base, tcp = arm.body(BASE_FRAME).id, arm.body(TCP_FRAME).id
    for posture in POSTURES:
        data.qpos[joints] = posture
        mujoco.mj_kinematics(arm, data)
        found = np.linalg.inv(pose(data.xmat[base], data.xpos[base])) @ pose(
            data.xmat[tcp], data.xpos[tcp]
        )
        np.testing.assert_allclose(found, simulated(posture, scene), atol=1e-6)


def test_tool_is_that_of_the_simulation() -> None:
    tool = yaml.safe_load((package_directory() / "description" / "tool.yaml").read_text())
    assert tool["mass_kg"] == TOOL_MASS_KG
    assert tool["center_m"] == list(TOOL_CENTER_M)
    assert tool["tcp_m"] == [0.0, 0.0, TCP_OFFSET_M]
    assert tool["tcp_rpy_rad"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("plan", [ADAPT, DEMO, SIM])
def test_a_rehearsal_moves_the_simulated_arm_as_the_robot_is(plan: Plan, tmp_path: Path) -> None:
    simulation = {n.name: n for n in graph_of(plan, tmp_path)}
    rehearsal = {n.name: n for n in graph_of(plan, tmp_path, robot="rehearsal")}
    assert set(rehearsal) - set(simulation) == {"reset"} and set(simulation) < set(rehearsal)
    moved = rehearsal["sim"].parameters
    assert moved["drive"] == "torque" and moved["serves_reset"] is False
    assert not moved.get("lockstep", False) and not rehearsal["arbiter"].parameters["lockstep"]
    assert rehearsal["reset"].parameters["use_sim_time"] is True


def test_mock_hardware_stands_where_the_simulation_does() -> None:
    file = package_directory() / "description" / "ros2_control" / "start.yaml"
    found = np.deg2rad([yaml.safe_load(file.read_text())[name[-2:]] for name in JOINT_NAMES])
    np.testing.assert_allclose(found, HOME_RAD, atol=1e-5)


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("plan", [ADAPT, DEMO, SIM])
def test_only_the_robots_nodes_differ(plan: Plan, robot: str, tmp_path: Path) -> None:
    simulation = {n.name: n for n in graph_of(plan, tmp_path)}
    real = {n.name: n for n in graph_of(plan, tmp_path, robot=robot)}
    assert set(simulation) - set(real) == {"sim"}
    spawners = {n for n in real if n.startswith("spawner_")}
    robots = {"robot_state_publisher", "controller_manager", "reset", "detector", *spawners}
    assert set(real) - set(simulation) == robots
    clocks = {n.name: n.parameters.get("use_sim_time") for n in real.values()}
    assert not any(clocks.values()), clocks
    assert real["arbiter"].parameters["lockstep"] is False
    assert {n for n in real if real[n].once} == spawners


@pytest.mark.parametrize("robot", ROBOTS)
def test_every_spawned_controller_has_a_type(robot: str, tmp_path: Path) -> None:
    content = yaml.safe_load(controller_files("hardware")[0].read_text())
    known = content["/oda/controller_manager"]["ros__parameters"]
    spawned = [n.arguments[0] for n in graph_of(SIM, tmp_path, robot=robot) if n.once]
    assert spawned == ["joint_state_broadcaster", *BROADCASTERS[robot], CONTROLLER]
    assert all("type" in known[name] for name in spawned)
    assert known["update_rate"] == 1000
    assert {key for key in content} <= {f"/oda/{n}" for n in ("controller_manager", *known)}


def test_every_parameter_is_one_of_the_controller() -> None:
    file = "tcp_twist_impedance_parameters.yaml"
    found = list(Path(__file__).parents[2].glob(f"oda_controllers/**/{file}"))
    if not found:
        pytest.skip("oda_controllers is not in this tree")
    (known,) = yaml.safe_load(found[0].read_text()).values()

    def check(given: dict[str, object], schema: dict[str, object]) -> None:
        for key, value in given.items():
            assert key in schema, key
            if isinstance(value, dict):
                check(value, schema[key])
            elif low_high := schema[key].get("validation", {}).get("bounds<>"):
                assert low_high[0] <= value <= low_high[1], key

    for path in controller_files("mock"):
        check(yaml.safe_load(path.read_text())[f"/oda/{CONTROLLER}"]["ros__parameters"], known)


def test_fri_settings_command_position_and_torque_without_filters() -> None:
    settings = yaml.safe_load(fri_file().read_text())["hardware"]
    assert settings["client_command_mode"] == "torque"
    assert 30200 <= settings["port_id"] <= 30209
    cycle_s = 1e-3
    for name in ("joint_position_tau", "external_torque_tau", "measured_torque_tau"):
        assert settings[name] < cycle_s, name
    assert settings["state_guard"]["external_torque_safety_check"] is True


def test_a_robot_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    with pytest.raises(SessionError, match=r"hardware: controller_manager, .*hardware\.md"):
        check_sim(SimOptions(robot="hardware"))
    check_robot("sim", "")


def test_a_controller_without_its_plugin_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in robots.PACKAGES["mock"]:
        write_package(tmp_path, name, {"package.xml": ""})
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    with pytest.raises(SessionError, match="oda_controllers was built without its plugin"):
        check_robot("mock", "")
    plugin = tmp_path / "share/ament_index/resource_index" / robots.PLUGIN / "oda_controllers"
    plugin.parent.mkdir()
    plugin.touch()
    check_robot("mock", "")


def test_missing_description_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xacro", reason="xacro is not installed")
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    with pytest.raises(SessionError, match="lbr_description"):
        describe("mock")


def test_own_fri_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "PACKAGES", {"hardware": ()})
    with pytest.raises(SessionError, match=r"mine\.yaml: does not exist"):
        check_robot("hardware", str(tmp_path / "mine.yaml"))
    (tmp_path / "mine.yaml").write_text(fri_file().read_text())
    check_robot("hardware", str(tmp_path / "mine.yaml"))


def test_guide_that_errors_name_exists() -> None:
    assert Path(robots.GUIDE).suffix == ".md"
    assert (Path(__file__).parents[3] / robots.GUIDE).is_file()


def test_the_description_reaches_its_publisher(tmp_path: Path) -> None:
    session = Session(tmp_path, "metal-peg-sq", description="<robot/>")
    nodes = {n.name: n for n in SIM.graph(SimOptions(robot="mock"), session)}
    assert nodes["robot_state_publisher"].parameters == {"robot_description": "<robot/>"}
    assert nodes["controller_manager"].files == controller_files("mock")
    assert os.path.isabs(nodes["controller_manager"].files[0])
