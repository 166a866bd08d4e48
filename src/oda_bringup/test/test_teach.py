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
from oda_bringup.teaching import RESET, outside_box, parameter_file, start_of
from oda_core.config import from_mapping
from oda_core.errors import SessionError
from oda_core.homing import START, Start
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.se3 import Pose, quat_from_rotvec, rotvec_from_quat
from oda_core.types import TcpState
from oda_msgs.msg import TcpState as TcpStateMsg


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


@given(st.lists(st.floats(-0.9, 0.9), min_size=3, max_size=3), st.floats(0.0, 3.0))
def test_a_taught_start_survives_its_file(place: list[float], angle: float) -> None:
    pose = Pose(np.array(place), quat_from_rotvec([angle, 0.1, -0.2]))
    start = start_of(states(pose))
    read = yaml.safe_load(parameter_file(start))[RESET]["ros__parameters"]["start"]
    again = from_mapping(Start, read, "file").pose
    assert np.abs(again.position - pose.position).max() < 2e-5
    assert np.abs(rotvec_from_quat(again.relative_to(pose).quaternion)).max() < 5e-5


def test_a_moving_or_silent_arm_teaches_nothing() -> None:
    moving = dataclasses.replace(states(START)[0], twist=np.array([0, 0, 0.005, 0, 0, 0]))
    with pytest.raises(SessionError, match=r"moves, up to 5.0 mm/s"):
        start_of([*states(START), moving])
    with pytest.raises(SessionError, match="silent"):
        start_of([])


def test_a_start_outside_of_the_workspace_is_known() -> None:
    assert not outside_box(Start())
    assert outside_box(Start(position_m=(0.2, 0.0, 0.15)))


def test_a_start_must_be_a_pose() -> None:
    with pytest.raises(ValueError, match="expected a unit quaternion"):
        Start(orientation=(0.0, 1.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="expected 3 numbers"):
        Start(position_m=(0.5, 0.1))


@pytest.mark.ros
def test_teach_measures_the_graph_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "start.yaml"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        nodes.start("oda_sim.ros.sim_node", connector="round-peg-10")
        states = client.collect(TcpStateMsg, "/oda/state", qos.STATE)
        client.until(lambda: states, "a state")
        assert main(["teach", "--output", str(file), "--seconds", "0.5"]) == Exit.OK
    taught = yaml.safe_load(file.read_text())[RESET]["ros__parameters"]["start"]
    assert np.allclose(taught["position_m"], START.position, atol=1e-4)
    assert main(["teach", "--output", str(file)]) == Exit.BAD_INPUT
    assert "exists already" in "".join(capsys.readouterr())
