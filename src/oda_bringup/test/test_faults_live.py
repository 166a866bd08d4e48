"""A few faults on the running graph; oda bench faults has them all, many times each."""

from pathlib import Path

import pytest
from worker import DOMAIN

from oda_bringup.faults.campaign import choose, run
from oda_bringup.faults.judge import Verdict
from oda_bringup.faults.trial import SpoiledError
from oda_bringup.options import AdaptOptions

pytestmark = [pytest.mark.ros, pytest.mark.slow]
SHORT = ("twists-lost", "wrench-spike", "arbiter-killed")


def test_the_robot_answers_faults_as_it_must(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
    verdicts = list[Verdict]()
    try:
        run(choose(SHORT), 1, AdaptOptions(), tmp_path, verdicts.append)
    except SpoiledError as error:
        pytest.skip(f"this machine is too busy for real time: {error}")
    assert [v.fault for v in verdicts] == list(SHORT)
    assert all(v.passed for v in verdicts), [v.problems for v in verdicts]
