"""A person at a space mouse, scripted, on live nodes: demonstrations, and help for a policy."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_live import Oda

from oda_bringup.bench.live import write_still_checkpoint
from oda_bringup.cli.exits import Exit
from oda_core.bag import BagReport, read_episodes
from oda_core.types import Event, Source
from oda_policy.config import AgentConfig
from oda_policy.ros.store import EpisodeStore

CONNECTOR = "round-peg-10"
pytestmark = [pytest.mark.ros, pytest.mark.slow]


def test_demonstrations_by_hand_with_everything_that_goes_wrong(tmp_path: Path) -> None:
    oda = Oda(
        ["teleop", "--device", "scripted", "--connector", CONNECTOR, "--demos", "1",
         "--mishaps", "discard, failure, unplug", "--output", "session"], tmp_path,
    )  # fmt: skip
    assert oda.wait() == Exit.OK, oda.text
    report = BagReport()
    episodes = list(read_episodes(tmp_path / "session/bag", report))
    failed, inserted = episodes[0], episodes[-1]
    assert any("discarded by the operator" in text for text in report.dropped)
    assert failed.end.reason == "marked by the operator"
    assert [episode.success for episode in episodes] == [False] * (len(episodes) - 1) + [True]
    assert all(set(episode.sources) == {Source.HUMAN} for episode in episodes)
    rest = np.abs(inserted.actions).max(axis=1) == 0.0  # while the mouse was unplugged
    assert rest.sum() >= 20
    assert "press it anew" in oda.text


def test_a_person_helps_the_policy_and_the_buffers_say_so(tmp_path: Path) -> None:
    write_still_checkpoint(
        tmp_path / "still.safetensors", AgentConfig(hidden=(16, 16), encoder_hidden=(16, 16))
    )
    oda = Oda(
        ["adapt", "--connector", "metal-peg-sq", "--checkpoint", "still.safetensors", "--preset",
         "paper", "--device", "scripted", "--no-lockstep", "--trials", "1",
         "--max-training-episodes", "1", "--output", "session"], tmp_path,
    )  # fmt: skip
    assert oda.wait() == Exit.NOT_ACCEPTED, oda.text
    report = json.loads((tmp_path / "session/report.json").read_text())
    outcomes = report["outcomes"]
    episodes = EpisodeStore(tmp_path / "session/trainer/episodes").episodes()
    for episode, outcome in zip(episodes, outcomes, strict=True):
        human = episode.sources == Source.HUMAN
        assert outcome["assisted"] == human.any()
        assert not human[0]
        assert np.abs(episode.actions[~human]).max() < 0.2  # a policy that hardly moves
    helped = [episode for episode, o in zip(episodes, outcomes, strict=True) if o["assisted"]]
    assert helped
    assert max(np.abs(e.actions[e.sources == Source.HUMAN]).max() for e in helped) > 0.5
    assert report["demonstrations_only"]["successes"] == 0
    assert all(e.end.event in (Event.SUCCESS, Event.TIMEOUT) for e in episodes)
