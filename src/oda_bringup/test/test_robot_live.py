"""The robot's graph on mock hardware: upstream's controller manager runs our controller."""

import fnmatch
from collections.abc import Iterator

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from robot_peer import CONNECTOR, NODE, Robot, end, needs_ros2_control, started
from test_robot import simulated
from test_security import found

from oda_bringup.robot_nodes import CONTROLLER
from oda_bringup.security.interfaces import MANAGER, TABLE
from oda_core import topics
from oda_core.messages import stamp_ns
from oda_core.types import BASE_FRAME, TCP_FRAME
from oda_sim.arm import JOINT_NAMES
from oda_sim.connector import load_connector
from oda_sim.scene import build_scene

INTERFACES = {f"{joint}/{kind}" for joint in JOINT_NAMES for kind in ("position", "effort")}
pytestmark = [pytest.mark.ros, pytest.mark.slow, needs_ros2_control]


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    """The graph as the command starts it."""
    oda = started(tmp_path_factory.mktemp("mock"))
    try:
        with Robot() as robot:
            robot.until(lambda: robot.states or oda.process.poll() is not None, "start", 120.0)
            assert oda.process.poll() is None, oda.text
            robot.until(lambda: robot.joints, topics.JOINT_STATES)
            yield robot
    finally:
        end(oda)


def test_the_spawners_activate_it_with_position_and_effort(robot: Robot) -> None:
    robot.until(lambda: robot.active() == {CONTROLLER, "joint_state_broadcaster"}, "activation")
    controller = robot.controllers()[CONTROLLER]
    assert controller.type == "oda_controllers/TcpTwistImpedanceController"
    assert set(controller.claimed_interfaces) == INTERFACES


def test_states_come_at_their_rate_with_the_pose_of_the_simulation(robot: Robot) -> None:
    robot.states.clear()
    robot.until(lambda: len(robot.states) >= 200, "200 states")
    gaps_ms = np.diff([stamp_ns(state.header.stamp) for state in robot.states]) * 1e-6
    assert np.median(gaps_ms) == pytest.approx(5.0, abs=0.5)
    state = robot.states[-1]
    assert (state.header.frame_id, state.tcp_frame_id) == (BASE_FRAME, TCP_FRAME)
    expected = simulated(robot.measured("position"), build_scene(load_connector(CONNECTOR)))
    position = state.pose.position
    np.testing.assert_allclose(
        [position.x, position.y, position.z], expected[:3, 3], atol=1e-6, rtol=0
    )


def pull(robot: Robot) -> NDArray[np.float64]:
    """Force of the commanded torques in the TCP frame [N], by the simulation's model."""
    model = build_scene(load_connector(CONNECTOR))
    data = mujoco.MjData(model)
    data.qpos[:7] = robot.measured("position")
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    site = model.site("tcp").id
    jacobian = np.zeros((3, model.nv))
    mujoco.mj_jacSite(model, data, jacobian, None, site)
    force, *_ = np.linalg.lstsq(jacobian[:, :7].T, robot.measured("effort"))
    return data.site_xmat[site].reshape(3, 3).T @ force


def test_a_twist_pulls_as_hard_as_the_connector_bears_and_recovery_lets_go(robot: Robot) -> None:
    """Mock hardware does not move: the set-point ends on its leash, and the arm pulls."""
    assert not robot.measured("effort").any()
    robot.commands.clear()
    robot.drive_until(lambda: "the force limit is reached" in robot.reasons[-1].data, "the leash")
    assert {command.header.frame_id for command in robot.commands} == {TCP_FRAME}
    limit_n = load_connector(CONNECTOR).limits.lateral_n
    robot.until(lambda: pull(robot)[0] == pytest.approx(limit_n, abs=0.1), "the leash's force")

    assert robot.trigger(topics.STOP).success
    robot.until(lambda: robot.safety[-1].state == robot.safety[-1].STATE_ABORT, "the stop")
    before = robot.safety[-1].refused
    robot.drive_until(lambda: robot.safety[-1].refused > before + 5, "refusals")
    assert pull(robot)[0] == pytest.approx(limit_n, abs=0.1)
    assert robot.trigger(topics.START).success
    robot.at_rest()


def test_it_leaves_no_effort_behind_and_no_state(robot: Robot) -> None:
    robot.drive_until(lambda: np.abs(robot.joints[-1].effort).max() > 0.1, "effort")
    assert robot.switch(off=(CONTROLLER,)).ok
    robot.at_rest()
    ended_ns = robot.node.get_clock().now().nanoseconds
    robot.turn_for(1.0)
    assert not newer(robot, ended_ns)
    assert robot.switch(on=(CONTROLLER,)).ok
    robot.until(lambda: newer(robot, ended_ns), "states after activation")
    assert not robot.measured("effort").any()


def newer(robot: Robot, ns: int) -> bool:
    return bool(robot.states) and stamp_ns(robot.states[-1].header.stamp) > ns


def test_a_strict_switch_is_whole_or_refused(robot: Robot) -> None:
    answer = robot.switch(on=("nobody",), off=(CONTROLLER,))
    assert not answer.ok
    assert "nobody" in answer.message
    assert CONTROLLER in robot.active()


def test_tare_says_that_nothing_is_felt(robot: Robot) -> None:
    answer = robot.trigger(topics.TARE)
    assert not answer.success
    assert "with a source of wrenches" in answer.message


def test_the_nodes_use_what_security_permits(robot: Robot) -> None:
    for name, executable in {
        "/oda/robot_state_publisher": "robot_state_publisher",
        MANAGER: "ros2_control_node",
        NODE: "ros2_control_node",
        "/oda/joint_state_broadcaster": "ros2_control_node",
    }.items():
        permitted = TABLE[executable].of(name, use_sim_time=False)
        for kind, used in robot.until(lambda n=name: found(robot, n), name).items():
            patterns = getattr(permitted, kind)
            assert not [u for u in used if not any(fnmatch.fnmatch(u, p) for p in patterns)], name
