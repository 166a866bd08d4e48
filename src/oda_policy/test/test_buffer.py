"""Buffers: exact round trip, Minari opens them, damage is named."""

from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
from episodes import make_episode

from oda_core.errors import BufferFileError
from oda_core.spec import TaskSpec
from oda_core.types import Episode
from oda_policy.buffer import (
    BufferInfo,
    SourceFile,
    append,
    buffer_sha256,
    data_file,
    read_buffer,
    read_info,
    write_buffer,
)

INFO = BufferInfo(
    connector="peg",
    spec=TaskSpec(force_scale_n=30.0),
    sources=(SourceFile(path="bags/peg", sha256="ab"),),
)


def same(a: Episode, b: Episode) -> bool:
    arrays = ("observations", "actions", "rewards", "terminations", "truncations", "sources")
    pose = all(map(np.array_equal, a.end.start_pose, b.end.start_pose))
    plain = [{**vars(e.end), "start_pose": None} for e in (a, b)]
    return (
        pose
        and plain[0] == plain[1]
        and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays)
    )


def test_episodes_and_provenance_come_back_exactly(tmp_path: Path) -> None:
    episodes = [make_episode(i, success=i % 2 == 0, steps=3 + i) for i in range(4)]
    write_buffer(tmp_path / "peg", episodes[:3], INFO)
    append(tmp_path / "peg", episodes[3:], [SourceFile(path="bags/more", sha256="cd")])
    assert all(map(same, read_buffer(tmp_path / "peg"), episodes))
    info = read_info(tmp_path / "peg")
    assert (info.connector, info.spec) == ("peg", INFO.spec)
    assert [s.path for s in info.sources] == ["bags/peg", "bags/more"]


def test_minari_opens_and_iterates_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    episodes = [make_episode(i, success=i % 2 == 0, steps=3 + i) for i in range(3)]
    write_buffer(tmp_path / "peg-v0", episodes[:2], INFO)
    append(tmp_path / "peg-v0", episodes[2:])
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    for dataset in (
        minari.MinariDataset(tmp_path / "peg-v0" / "data"),
        minari.load_dataset("peg-v0"),
    ):
        assert (dataset.total_episodes, dataset.total_steps) == (3, 12)
        assert dataset.observation_space.shape == (18,)
        for ours, theirs in zip(episodes, dataset.iterate_episodes(), strict=True):
            assert np.array_equal(ours.observations, theirs.observations)
            assert np.array_equal(ours.terminations, theirs.terminations)
            assert theirs.observations[0] in dataset.observation_space
            assert theirs.actions[0] in dataset.action_space
    seeds = [m["seed"] for m in dataset.storage.get_episode_metadata(range(3))]
    assert seeds == [e.end.seed for e in episodes]


def test_an_episode_is_never_stored_twice(tmp_path: Path) -> None:
    write_buffer(tmp_path / "peg", [make_episode(0)], INFO)
    before = buffer_sha256(tmp_path / "peg")
    with pytest.raises(BufferFileError, match="episode 0 of session session is there already"):
        append(tmp_path / "peg", [make_episode(1), make_episode(0)])
    assert buffer_sha256(tmp_path / "peg") == before


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BufferFileError, match="no buffer there"):
        read_buffer(tmp_path / "none")
    with pytest.raises(BufferFileError, match="found no episodes"):
        write_buffer(tmp_path / "peg", [], INFO)
    with pytest.raises(BufferFileError, match="found an episode of plug, expected peg"):
        write_buffer(tmp_path / "peg", [make_episode(0, connector="plug")], INFO)
    write_buffer(tmp_path / "peg", [make_episode(0)], INFO)
    with pytest.raises(BufferFileError, match="is there already"):
        write_buffer(tmp_path / "peg", [make_episode(1)], INFO)


def test_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "peg"
    write_buffer(path, [make_episode(0)], INFO)
    intact = data_file(path).read_bytes()

    data_file(path).write_bytes(intact[: len(intact) // 2])
    with pytest.raises(BufferFileError, match="truncated or not HDF5"):
        read_buffer(path)

    def damaged(change) -> str:
        data_file(path).write_bytes(intact)
        with h5py.File(data_file(path), "r+") as file:
            change(file["episode_0"])
        with pytest.raises(BufferFileError) as error:
            read_buffer(path)
        return str(error.value)

    def poison(group: h5py.Group) -> None:
        group["observations"][2, 3] = np.nan

    def flip(group: h5py.Group) -> None:
        group["actions"][1, 1] += 0.5

    def shorten(group: h5py.Group) -> None:
        rewards = group["rewards"][:-1]
        del group["rewards"]
        group["rewards"] = rewards

    def lose(group: h5py.Group) -> None:
        del group["terminations"]

    assert "not finite" in damaged(poison)
    assert "checksum disagree" in damaged(flip)
    assert "has shape" in damaged(shorten)
    assert "terminations" in damaged(lose)


def test_other_formats_are_named(tmp_path: Path) -> None:
    path = tmp_path / "peg"
    write_buffer(path, [make_episode(0)], INFO)
    with h5py.File(data_file(path), "r+") as file:
        file.attrs["oda"] = str(file.attrs["oda"]).replace('"format": 1', '"format": 9')
    with pytest.raises(BufferFileError, match="found format 9, expected 1"):
        read_buffer(path)
    with h5py.File(data_file(path), "r+") as file:
        del file.attrs["oda"]
    with pytest.raises(BufferFileError, match="without ODA's attributes"):
        read_info(path)
