"""Exports lose nothing: what is read back is the buffer, bit by bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from episodes import make_episode

from oda_core.errors import BufferFileError
from oda_policy import exports
from oda_policy.buffer import BufferInfo, SourceFile, read_buffer, read_info, write_buffer
from oda_policy.exports import read_table, write_parquet
from oda_policy.lerobot import DATA_FILE, write_lerobot

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an optional library")
INFO = BufferInfo(connector="peg", sources=(SourceFile(path="bags/peg", sha256="ab"),))
WRITERS = [write_parquet, write_lerobot]


@pytest.fixture
def buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(exports, "BLOCK", 2)  # several row groups
    episodes = [make_episode(i, success=i % 2 == 0, steps=3 + i) for i in range(5)]
    write_buffer(tmp_path / "peg", episodes, INFO)
    return tmp_path / "peg"


@pytest.mark.parametrize("write", WRITERS)
def test_there_and_back_is_the_same(tmp_path: Path, buffer: Path, write) -> None:
    assert write(buffer, tmp_path / "table") == 5
    assert read_table(tmp_path / "table", tmp_path / "back") == 5
    assert read_info(tmp_path / "back") == read_info(buffer)
    for ours, theirs in zip(read_buffer(buffer), read_buffer(tmp_path / "back"), strict=True):
        for name in (
            "observations",
            "actions",
            "rewards",
            "terminations",
            "truncations",
            "sources",
        ):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
        assert all(map(np.array_equal, ours.end.start_pose, theirs.end.start_pose))
        plain = [{**vars(e.end), "start_pose": None} for e in (ours, theirs)]
        assert plain[0] == plain[1]


def test_the_tables_of_lerobot_agree_with_the_steps(tmp_path: Path, buffer: Path) -> None:
    write_lerobot(buffer, tmp_path / "set")
    info = json.loads((tmp_path / "set/meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"], info["fps"]) == (5, 25, 10)
    steps = parquet.read_table(tmp_path / "set" / DATA_FILE)
    assert set(steps.column_names) == set(info["features"])
    assert steps.column("index").to_pylist() == list(range(25))
    episodes = parquet.read_table(tmp_path / "set/meta/episodes").to_pylist()
    for row in episodes:
        span = range(row["dataset_from_index"], row["dataset_to_index"])
        assert len(span) == row["length"]
        assert {steps.column("episode_index")[i].as_py() for i in span} == {row["episode_index"]}
    stats = json.loads((tmp_path / "set/meta/stats.json").read_text())
    actions = np.array(steps.column("action").to_pylist())
    np.testing.assert_allclose(stats["action"]["mean"], actions.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(stats["action"]["std"], actions.std(axis=0), rtol=1e-4)


@pytest.mark.parametrize("write", WRITERS)
def test_nothing_is_overwritten_and_nothing_foreign_is_read(
    tmp_path: Path, buffer: Path, write
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(BufferFileError, match="is there already"):
        write(buffer, tmp_path / "there")
    with pytest.raises(BufferFileError):
        write(tmp_path / "nothing", tmp_path / "table")
    assert not (tmp_path / "table").exists()
    (tmp_path / "text").write_text("no table")
    with pytest.raises(BufferFileError, match="text: cannot be read"):
        read_table(tmp_path / "text", tmp_path / "back")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["peg", "text", "there"]
