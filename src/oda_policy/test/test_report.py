"""The report: figures that add up, honest words, one self-contained page."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oda_core.types import Event, Purpose
from oda_policy import svg
from oda_policy.adapt import AdaptMachine, Outcome
from oda_policy.config import AdaptConfig
from oda_policy.evaluate import EpisodeRequest
from oda_policy.learner import Encoding
from oda_policy.report import Machine, Provenance, build_report, write_report

ENCODING = Encoding(
    mean=np.array([0.5, -1.2, 0.1], np.float32),
    std=np.array([0.1, 0.2, 0.3], np.float32),
    kl_nats=3.2,
    demonstrations=20,
    transitions=512,
)
CONFIG = AdaptConfig(initial_trials=10, final_trials=20, window=5, max_training_episodes=30)


def finished(succeeds: Callable[[EpisodeRequest], bool]) -> AdaptMachine:
    machine = AdaptMachine.begin("session-1", "<peg>", CONFIG)
    machine.encoded()
    while (request := machine.next_request()) is not None:
        good = succeeds(request)
        machine.finish(
            Outcome(
                episode_id=request.episode_id,
                event=Event.SUCCESS if good else Event.TIMEOUT,
                steps=30 if good else 80,
                robot_time_s=6.5 if good else 12.0,
                peak_force_n=10.0 + request.seed % 30,
            )
        )
    return machine


def learns(request: EpisodeRequest) -> bool:
    return request.policy_version > 6 or request.episode_id % 3 == 0


def report_of(machine: AdaptMachine, wall_time_s: float = 100.0) -> dict[str, Any]:
    computer = Machine(wall_time_s=wall_time_s, host={"cores": 2})
    return build_report(machine, ENCODING, 1234, Provenance(preset="best"), computer)


def test_figures_add_up() -> None:
    report = report_of(finished(learns))
    assert report["success"]
    assert report["demonstrations_only"]["successes"] == 4
    assert report["demonstrations_only"]["trials"] == 10
    assert report["final"]["successes"] == report["final"]["trials"] == 20
    assert report["training_episodes"] == report["episodes"]["finetune"]
    assert sum(report["episodes"].values()) == len(report["outcomes"])
    times = report["robot_time_s"]
    assert sum(v for k, v in times.items() if k != "total") == pytest.approx(times["total"])
    assert report["peak_force_n"]["median"] <= report["peak_force_n"]["p95"]


def test_two_runs_of_a_seed_differ_in_the_machine_section_only() -> None:
    first, again = (report_of(finished(learns), wall) for wall in (100.0, 222.0))
    assert first != again
    del first["machine"], again["machine"]
    assert json.dumps(first) == json.dumps(again)


@pytest.mark.parametrize(
    ("succeeds", "words"),
    [
        (lambda r: True, "Success: <peg> was inserted in 10 of 10 trials from the demonstrations"),
        (learns, "Success: <peg> was inserted in 20 of 20 trials after"),
        (lambda r: False, "was given up: 30 training|was inserted in only 0 of 20 trials"),
        (
            lambda r: r.purpose is Purpose.EVALUATION and r.episode_id % 2 == 0,
            "inserted in only 10 of 20 trials .*fewer than the accepted 90%",
        ),
    ],
)
def test_the_verdict_is_honest(succeeds: Callable[[EpisodeRequest], bool], words: str) -> None:
    verdict = report_of(finished(succeeds))["verdict"]
    assert re.search(words, verdict), verdict


def test_a_connector_that_never_fits_is_said_to_be_so() -> None:
    verdict = report_of(finished(lambda r: False))["verdict"]
    assert verdict.startswith("Failure")
    assert "never inserted: check that the plug fits" in verdict


def test_the_page_is_self_contained_and_escaped(tmp_path: Path) -> None:
    report = report_of(finished(learns))
    json_path, html_path = write_report(report, tmp_path)
    assert json.loads(json_path.read_text()) == json.loads(json.dumps(report))
    text = html_path.read_text()
    assert not re.search(r"https?://|src=|<script|@import|<link", text)
    assert "&lt;peg&gt;" in text
    assert "<peg>" not in text
    assert text.count("<svg") == text.count("</svg>") == 4
    for words in ("4/10", "20/20", "1234 updates", "KL 3.20 nats"):
        assert words in text


def test_reports_of_unfinished_and_unencoded_sessions_can_be_written(tmp_path: Path) -> None:
    machine = AdaptMachine.begin("s", "peg", CONFIG)
    report = build_report(machine, None, 0, Provenance(), Machine(wall_time_s=1.0))
    _, html_path = write_report(report, tmp_path)
    assert not report["success"]
    assert "Unfinished" in html_path.read_text()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 87.3), (-1.2, 1.2), (0.0, 0.004)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = svg.ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in found)


def test_plots_stay_within_their_picture() -> None:
    picture = svg.histogram([0.0, 5.0, 5.0, 90.0], "x", "y") + svg.bars([3.0], [0.5], "z")
    for x in re.findall(r' x1?2?="([-\d.]+)"', picture):
        assert 0 <= float(x) <= svg.WIDTH
    for y in re.findall(r' y1?2?="([-\d.]+)"', picture):
        assert 0 <= float(y) <= svg.HEIGHT
