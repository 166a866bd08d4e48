"""Buffers as tables of other ecosystems and back: flat Parquet and LeRobotDataset (v3.0).

One row is one step at 10 Hz. Its columns carry the names of LeRobotDataset; ``next.state`` is the
observation after the step, so that nothing of a buffer is lost. The end events and what the buffer
records stand in the metadata of the Parquet file, key ``oda``; both formats are read back exactly.

pyarrow is needed, an optional library.
"""

import dataclasses
import importlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oda_core.config import from_mapping
from oda_core.errors import BufferFileError, ConfigError, ContractError
from oda_core.se3 import Pose
from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE
from oda_core.types import Episode, EpisodeEvent, Event, Purpose
from oda_policy.buffer import BufferInfo, BufferWriter, iterate_buffer, read_info

KEY = b"oda"
BLOCK = 256  # episodes of one row group
FPS = 10
DATA_FILE = "data/chunk-000/file-000.parquet"
VECTORS = {
    "observation.state": OBSERVATION_SIZE, "action": ACTION_SIZE, "next.state": OBSERVATION_SIZE,
}  # fmt: skip
SCALARS = {
    "next.reward": "float32", "next.done": "bool", "next.truncated": "bool", "source": "int64",
    "timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64",
    "task_index": "int64",
}  # fmt: skip


def write_parquet(buffer: str | Path, path: str | Path) -> int:
    """Write a buffer as one Parquet file; the number of episodes.

    Raises:
        BufferFileError: the buffer cannot be read, or the file exists.
        ConfigError: pyarrow is not installed.
    """
    target = Path(path)
    refuse_existing(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    try:
        lengths, _ = write_frames(Path(buffer), Path(name))
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
    return len(lengths)


def read_table(path: str | Path, output: str | Path) -> int:
    """Write a buffer from what write_parquet or write_lerobot made; the number of episodes.

    Args:
        path: Parquet file or LeRobotDataset directory.
        output: directory of the new buffer.

    Raises:
        BufferFileError: it cannot be read, was not made here, or the buffer exists.
        ConfigError: pyarrow is not installed.
    """
    target, source = Path(output), Path(path)
    refuse_existing(target)
    file = source / DATA_FILE if source.is_dir() else source
    try:
        table = arrow("pyarrow.parquet").ParquetFile(file)
        metadata = (table.metadata.metadata or {}).get(KEY)
        if metadata is None:
            raise BufferFileError(
                f"{file}: has no metadata of this project; only what oda export wrote can be read"
            )
        content = json.loads(metadata)
        info = from_mapping(BufferInfo, content["info"], str(file))
        with BufferWriter(target, info) as buffer:
            for episode in _episodes(table, content["events"]):
                buffer.add(episode)
        return buffer.added
    except (OSError, ValueError, KeyError, TypeError, ContractError, ConfigError) as error:
        if isinstance(error, ConfigError) and "pyarrow" in str(error):
            raise
        raise BufferFileError(f"{file}: cannot be read ({error}); export it again") from error


def refuse_existing(path: Path) -> None:
    """Refuse to overwrite."""
    if path.exists():
        raise BufferFileError(f"{path}: is there already; choose another name")


def arrow(name: str) -> Any:
    """A module of pyarrow.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError("pyarrow is not installed; pip install pyarrow") from error


def write_frames(buffer: Path, path: Path) -> tuple[list[int], dict[str, Any]]:
    """All steps of a buffer in a file; length of each episode, and statistics of each column."""
    pa = arrow("pyarrow")
    lengths: list[int] = []
    events: list[dict[str, Any]] = []
    moments: dict[str, _Moments] = {}
    with arrow("pyarrow.parquet").ParquetWriter(path, _schema(pa)) as writer:
        episodes = iterate_buffer(buffer)
        while block := list(islice(episodes, BLOCK)):
            columns = _columns(block, len(lengths), sum(lengths))
            for name, values in columns.items():
                moments.setdefault(name, _Moments()).add(values)
            writer.write_table(pa.table(_arrays(pa, columns), schema=_schema(pa)))
            lengths += [len(episode) for episode in block]
            events += [_event(episode.end) for episode in block]
        info = dataclasses.asdict(read_info(buffer))
        content = json.dumps({"info": info, "events": events})
        writer.add_key_value_metadata({KEY: content.encode()})
    return lengths, {name: m.summary() for name, m in moments.items()}


def _schema(pa: Any) -> Any:
    kinds = {"float32": pa.float32(), "bool": pa.bool_(), "int64": pa.int64()}
    vectors = {name: pa.list_(pa.float32(), size) for name, size in VECTORS.items()}
    return pa.schema({**vectors, **{name: kinds[kind] for name, kind in SCALARS.items()}})


def _columns(
    episodes: Sequence[Episode], first_episode: int, first_row: int
) -> dict[str, NDArray[Any]]:
    """(n,) or (n, size) values of each column for the n steps of some episodes."""
    lengths = [len(episode) for episode in episodes]
    frame = np.concatenate([np.arange(n) for n in lengths])

    def join(arrays: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(arrays)

    return {
        "observation.state": join([e.observations[:-1] for e in episodes]),
        "action": join([e.actions for e in episodes]),
        "next.state": join([e.observations[1:] for e in episodes]),
        "next.reward": join([e.rewards for e in episodes]),
        "next.done": join([e.terminations for e in episodes]),
        "next.truncated": join([e.truncations for e in episodes]),
        "source": join([e.sources for e in episodes]).astype(np.int64),
        "timestamp": (frame / FPS).astype(np.float32),
        "frame_index": frame,
        "episode_index": first_episode + np.repeat(np.arange(len(lengths)), lengths),
        "index": first_row + np.arange(len(frame)),
        "task_index": np.zeros(len(frame), np.int64),
    }


def _arrays(pa: Any, columns: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return {
        name: pa.FixedSizeListArray.from_arrays(pa.array(v.reshape(-1)), VECTORS[name])
        if name in VECTORS
        else pa.array(v)
        for name, v in columns.items()
    }


class _Moments:
    """Count, smallest, largest, mean and deviation of a column, gathered block by block."""

    def __init__(self) -> None:
        self._count = 0
        self._low: Any = np.inf
        self._high: Any = -np.inf
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    def add(self, values: NDArray[Any]) -> None:
        rows = np.asarray(values, np.float64).reshape(len(values), -1)
        self._count += len(rows)
        self._low = np.minimum(self._low, rows.min(axis=0))
        self._high = np.maximum(self._high, rows.max(axis=0))
        self._sum = self._sum + rows.sum(axis=0)
        self._squares = self._squares + (rows**2).sum(axis=0)

    def summary(self) -> dict[str, list[float]]:
        mean = self._sum / self._count
        variance = np.maximum(self._squares / self._count - mean**2, 0.0)
        named = {"min": self._low, "max": self._high, "mean": mean, "std": np.sqrt(variance)}
        return {**{k: v.tolist() for k, v in named.items()}, "count": [self._count]}


def _event(event: EpisodeEvent) -> dict[str, Any]:
    plain = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    pose = [part.tolist() for part in event.start_pose]
    return {
        **plain, "purpose": event.purpose.name, "event": event.event.name, "start_pose": pose
    }  # fmt: skip


def _from_event(plain: dict[str, Any]) -> EpisodeEvent:
    position, quaternion = (np.array(part) for part in plain["start_pose"])
    read: dict[str, Any] = {
        "purpose": Purpose[plain["purpose"]],
        "event": Event[plain["event"]],
        "start_pose": Pose(position, quaternion),
    }
    return EpisodeEvent(**{**plain, **read})


def _episodes(file: Any, events: list[dict[str, Any]]) -> Iterator[Episode]:
    """The episodes of an open file; row groups hold whole episodes."""
    done = 0
    for i in range(file.num_row_groups):
        table = file.read_row_group(i)
        columns = {name: _values(table, name) for name in [*VECTORS, *SCALARS]}
        numbers = columns["episode_index"]
        for rows in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers)) + 1):
            yield _episode({k: v[rows] for k, v in columns.items()}, _from_event(events[done]))
            done += 1
    if done != len(events):
        raise ValueError(f"found {done} episodes, expected {len(events)}")


def _values(table: Any, name: str) -> NDArray[Any]:
    column = table.column(name).combine_chunks()
    if name in VECTORS:
        return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, VECTORS[name])
    return column.to_numpy(zero_copy_only=False)


def _episode(rows: dict[str, NDArray[Any]], end: EpisodeEvent) -> Episode:
    observations = np.concatenate([rows["observation.state"], rows["next.state"][-1:]])
    if not np.array_equal(observations[1:], rows["next.state"]):
        raise ContractError(f"episode {end.episode_id}: a step does not lead to the next one")
    return Episode(
        end=end,
        observations=observations,
        actions=rows["action"],
        rewards=rows["next.reward"],
        terminations=rows["next.done"].astype(bool),
        truncations=rows["next.truncated"].astype(bool),
        sources=rows["source"].astype(np.uint8),
    )
