"""Bags to buffers: the shipped demonstrations, from their steps and from their raw topics alone."""

import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from oda_bringup.assets import assets_directory
from oda_bringup.bench.convert import MAPPING, write_bag
from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.convert import convert, read_mapped
from oda_core.bag import read_episodes
from oda_core.spec import TaskSpec
from oda_policy.buffer import read_buffer

DEMOS = assets_directory() / "demos" / "uk-ac-plug"
RAW = """
pose: {topic: /oda/state, type: oda_msgs/msg/TcpState, frame_id: oda_base}
twist: {topic: /oda/state, type: oda_msgs/msg/TcpState, frame_id: oda_base, axes: tcp}
wrench: {topic: /oda/state, type: oda_msgs/msg/TcpState, frame_id: oda_base, sign: on_tool,
         mean_s: 0}
command: {topic: /oda/cmd/twist, frame_id: oda_tcp, axes: tcp}
marks: {topic: /oda/episode, type: oda_msgs/msg/Episode, begin: ["0"], success: ["1"],
        failure: ["2", "3", "4"]}
"""


def test_shipped_demonstrations_are_the_same_from_raw_topics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Round trip: what the policy acted on, from the steps and from state and command alone."""
    monkeypatch.chdir(tmp_path)
    Path("raw.yaml").write_text(RAW)
    assert main(["convert", str(DEMOS), "--output", "steps"]) == Exit.OK
    words = ["--output", "raw", "--mapping", "raw.yaml", "--connector", "uk-ac-plug"]
    assert main(["convert", str(DEMOS), *words]) == Exit.OK
    assert "582" in capsys.readouterr().out  # steps that agree with the raw topics
    acted = list(read_episodes(DEMOS))
    by_steps = read_buffer(Path("steps/uk-ac-plug/demos"))
    by_raw = read_buffer(Path("raw/uk-ac-plug/demos"))
    assert len(acted) == len(by_steps) == len(by_raw) == 20
    limits = np.repeat([1e-4, np.radians(0.1), np.inf, np.inf, 0.2, np.inf], 3)
    for truth, one, other in zip(acted, by_steps, by_raw, strict=True):
        assert np.array_equal(truth.actions, one.actions)
        assert np.array_equal(truth.observations, one.observations)
        assert np.array_equal(truth.actions, other.actions)
        off = np.abs(truth.observations - other.observations).max(axis=0)
        assert np.all(off * TaskSpec().observation_scale < limits)
        for name in ("rewards", "terminations", "truncations"):
            assert np.array_equal(getattr(truth, name), getattr(other, name))


def test_a_mapping_needs_a_connector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw.yaml").write_text(RAW)
    assert main(["convert", str(DEMOS), "--mapping", "raw.yaml"]) == Exit.BAD_INPUT
    assert "names no connector" in capsys.readouterr().err
    assert main(["convert", str(DEMOS), "--connector", "x"]) == Exit.BAD_INPUT


def test_a_wrong_bag_leaves_no_trace_and_a_repeated_episode_is_named(tmp_path: Path) -> None:
    shutil.copytree(DEMOS, tmp_path / "bags" / "same")
    output = tmp_path / "buffers"
    (first,) = convert([DEMOS], output)
    before = (output / "converted.json").read_text()
    assert len(json.loads(before)) == 1 and first.successes == 20
    (again,) = convert([tmp_path / "bags" / "same"], output)
    assert again.known
    (output / "converted.json").unlink()
    (again,) = convert([tmp_path / "bags" / "same"], output)  # as after an interruption
    assert len(read_buffer(output / "uk-ac-plug" / "demos")) == 20
    file = next((tmp_path / "bags" / "same").glob("*.mcap"))
    file.write_bytes(file.read_bytes() + b"x")  # another hash, the same episodes
    with pytest.raises(Exception, match="same"):
        list(convert([tmp_path / "bags" / "same"], output))
    assert len(read_buffer(output / "uk-ac-plug" / "demos")) == 20


def test_memory_does_not_grow_with_the_bag(tmp_path: Path) -> None:
    peaks = []
    for name, messages in (("short", 40_000), ("long", 120_000)):
        _, episodes = write_bag(tmp_path / name, messages)
        tracemalloc.start()
        (result,) = convert([tmp_path / name], tmp_path / f"{name}-out", read_mapped(MAPPING))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(result.kept.values()) == episodes and not result.dropped
    assert peaks[1] < 1.2 * peaks[0], peaks
