"""What a robot is taught is what its reset node reads."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.teaching import NODES, Taught, is_outside_box, resting_pose, teach
from oda_core.config import from_mapping
from oda_core.errors import ConfigError, SessionError
from oda_core.homing import START, Start
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.se3 import Pose, quat_from_rotvec, rotvec_from_quat
from oda_core.types import TcpState
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_teleop.detector import Goal


def states(pose: Pose, count: int = 20) -> list[TcpState]:
    """Of an arm that stands still, as encoders with a little noise tell."""
    rng = np.random.default_rng(1)
    return [
        TcpState(
            stamp_ns=i,
            pose=Pose(
                pose.position + rng.normal(0, 1e-5, 3),
                pose.compose(Pose(np.zeros(3), quat_from_rotvec(rng.normal(0, 1e-5, 3)))).quaternion
                * (-1) ** i,  # the same rotation
            ),
            twist=rng.normal(0, 1e-5, 6),
            wrench=np.zeros(6),
            inserted=False,
        )
        for i in range(count)
    ]


def read(path: Path, taught: Taught) -> Start | Goal:
    """As the node reads it."""
    values = yaml.safe_load(path.read_text())[NODES[taught]]["ros__parameters"][taught]
    return from_mapping({"start": Start, "goal": Goal}[taught], values, "file")


@given(st.lists(st.floats(-0.9, 0.9), min_size=3, max_size=3), st.floats(0.0, 3.0))
def test_what_is_taught_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, place: list[float], angle: float
) -> None:
    file = tmp_path_factory.mktemp("taught") / "fixture.yaml"
    start = Pose(np.array(place), quat_from_rotvec([angle, 0.1, -0.2]))
    goal = start.compose(Pose(np.array([1e-3, 0.0, 0.02]), quat_from_rotvec([0.0, 0.0, 0.05])))
    for taught, pose in (("start", START), ("goal", goal), ("start", start)):
        file.write_text(teach(file, taught, resting_pose(states(pose))))
    for taught, pose in (("start", start), ("goal", goal)):
        again = read(file, taught).pose
        assert np.abs(again.position - pose.position).max() < 2e-5
        assert np.abs(rotvec_from_quat(again.relative_to(pose).quaternion)).max() < 5e-5


def test_what_else_the_file_says_stays(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("/oda/arbiter:\n  ros__parameters: {limits.force_n: 80.0}\n")
    file.write_text(teach(file, "goal", START))
    assert yaml.safe_load(file.read_text())["/oda/arbiter"]["ros__parameters"] == {
        "limits.force_n": 80.0
    }
    file.write_text("- no parameters\n")
    with pytest.raises(ConfigError, match="is no ROS parameter file"):
        teach(file, "start", START)


def test_a_moving_or_silent_arm_teaches_nothing() -> None:
    moving = dataclasses.replace(states(START)[0], twist=np.array([0, 0, 0.005, 0, 0, 0]))
    with pytest.raises(SessionError, match=r"moves, up to 5.0 mm/s"):
        resting_pose([*states(START), moving])
    with pytest.raises(SessionError, match="silent"):
        resting_pose([])


def test_a_place_outside_of_the_workspace_is_known() -> None:
    assert not is_outside_box(START)
    assert is_outside_box(START._replace(position=np.array([0.2, 0.0, 0.15])))


@pytest.mark.parametrize("kind", [Start, Goal])
def test_what_is_taught_must_be_a_pose(kind: type) -> None:
    with pytest.raises(ValueError, match="expected a unit quaternion"):
        kind(orientation=(0.0, 1.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="expected 3 numbers"):
        kind(position_m=(0.5, 0.1))


@pytest.mark.ros
def test_teach_measures_the_graph_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fixture.yaml"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        nodes.start("oda_sim.ros.sim_node", connector="round-peg-10")
        heard = client.collect(TcpStateMsg, "/oda/state", qos.STATE)
        client.until(lambda: heard, "a state")
        assert main(["teach", "start", "--output", str(file), "--seconds", "0.5"]) == Exit.OK
    found = read(file, "start").pose
    assert np.allclose(found.position, START.position, atol=1e-4)
