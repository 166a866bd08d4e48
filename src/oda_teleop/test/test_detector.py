"""Inserted is what is deep enough, on the axis, and stays there."""

import numpy as np
import pytest
from arbiter_inputs import MS

from oda_core.se3 import Pose, quat_from_rotvec
from oda_core.types import TcpState
from oda_teleop.detector import Detector, Goal

PLACE = Pose(np.array([0.5, 0.1, 0.12]), quat_from_rotvec([np.pi - 0.1, 0.02, 0.0]))
GOAL = Goal(position_m=tuple(PLACE.position), orientation=tuple(PLACE.quaternion))


def state(offset_m: tuple[float, float, float], time_ms: int) -> TcpState:
    """A TCP beside the goal, in the goal's frame."""
    pose = PLACE.compose(Pose(np.array(offset_m), quat_from_rotvec([0.0, 0.0, 0.3])))
    return TcpState(
        stamp_ns=time_ms * MS, pose=pose, twist=np.zeros(6), wrench=np.zeros(6), inserted=False
    )


def test_the_plug_must_stay_in() -> None:
    detector = Detector(GOAL)
    assert not detector.feel(state((0.0, 0.0, 0.0), 0))
    assert not detector.feel(state((0.0, 0.0, 0.0), 40))
    assert detector.feel(state((0.0, 0.0, 0.0), 50))
    assert not detector.feel(state((0.0, 0.0, -0.002), 60))  # it slips out
    assert not detector.feel(state((0.0, 0.0, 0.0), 70))
    assert detector.feel(state((0.0, 0.0, 0.0), 120))


@pytest.mark.parametrize(
    ("offset", "inserted"),
    [
        ((0.0, 0.0, -0.9e-3), True),
        ((0.0, 0.0, -1.1e-3), False),
        ((0.0, 0.0, 5e-3), True),  # deeper is no less inserted
        ((0.7e-3, -0.6e-3, 0.0), True),
        ((0.8e-3, 0.7e-3, 0.0), False),
    ],
)
def test_depth_and_place(offset: tuple[float, float, float], inserted: bool) -> None:
    detector = Detector(GOAL)
    detector.feel(state(offset, 0))
    assert detector.feel(state(offset, 100)) is inserted


def test_a_clock_that_was_set_back_begins_anew() -> None:
    detector = Detector(GOAL)
    detector.feel(state((0.0, 0.0, 0.0), 1000))
    assert not detector.feel(state((0.0, 0.0, 0.0), 10))
    assert detector.feel(state((0.0, 0.0, 0.0), 60))


def test_without_a_goal_there_is_no_detector() -> None:
    assert not Goal().is_taught
    with pytest.raises(ValueError, match="not taught"):
        Detector(Goal())
