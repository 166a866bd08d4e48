"""Buffers: episodes of one connector on disk, HDF5 in the layout of Minari datasets.

A buffer is a directory: ``data/main_data.hdf5`` holds everything and is the truth;
``data/metadata.json`` is what Minari reads first. ``minari.MinariDataset(path / "data")`` opens
it, and so does ``minari.load_dataset`` where the directory lies in Minari's root. Both files are
replaced atomically, data first, so that a crash leaves the old buffer or the new one.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from oda_core.config import from_mapping
from oda_core.errors import BufferFileError, ConfigError, ContractError
from oda_core.files import sha256_file, sync_directory, write_atomic
from oda_core.se3 import Pose
from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE
from oda_core.types import Episode, EpisodeEvent, Event, Purpose
from oda_policy.buffer_layout import (
    ARRAYS,
    DEMONSTRATIONS,
    FORMAT,
    OFFLINE,
    BufferInfo,
    SourceFile,
    attributes,
    data_file,
    digest,
    header,
    metadata,
)

__all__ = [
    "DEMONSTRATIONS", "OFFLINE", "BufferInfo", "BufferWriter", "SourceFile", "append",
    "buffer_sha256", "data_file", "iterate_buffer", "read_buffer", "read_info", "write_buffer",
]  # fmt: skip


def buffer_sha256(path: str | Path) -> str:
    """SHA-256 of a buffer's content, hexadecimal; checkpoints record it."""
    return sha256_file(data_file(path))


class BufferWriter:
    """Add episodes one at a time; they appear in the buffer together, at the end, or not at all.

    A context manager: an exception inside leaves the buffer as it was, and so does adding nothing.

    Args:
        path: directory, made here; its name becomes the Minari dataset name.
        info: what to record; of an existing buffer only the sources are added to.
    """

    def __init__(self, path: str | Path, info: BufferInfo) -> None:
        """Nothing is read or written yet."""
        self.path = Path(path)
        self.info = info
        self.added = 0

    def __enter__(self) -> "BufferWriter":
        """Begin with a copy of what is there.

        Raises:
            BufferFileError: the buffer cannot be read, or is of another connector.
        """
        target, wanted = data_file(self.path), self.info
        exists = target.exists()
        if exists:
            found = read_info(self.path)
            self._expect(found.connector, wanted.connector)
            self.info = replace(found, sources=(*found.sources, *wanted.sources))
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(descriptor)
        self._unfinished = Path(name)
        if exists:
            shutil.copyfile(target, name)
        self._file: Any = h5py.File(name, "r+" if exists else "w")
        groups: Any = self._file.values()
        self._known = {(g.attrs["session"], int(g.attrs["episode_id"])) for g in groups}
        self._steps = sum(int(g.attrs["total_steps"]) for g in groups)
        return self

    def add(self, episode: Episode) -> None:
        """Add an episode.

        Raises:
            BufferFileError: it is of another connector or is in the buffer already.
        """
        self._expect(episode.end.connector, self.info.connector)
        key = (episode.end.session, episode.end.episode_id)
        if key in self._known:
            raise BufferFileError(
                f"{self.path}: episode {key[1]} of session {key[0]} is there already"
            )
        try:
            self._write(episode, len(self._file))
        except (OSError, RuntimeError) as error:  # HDF5 has no better names for a full disk
            raise BufferFileError(
                f"{self.path}: cannot be written ({error}) and is as it was; free disk space"
            ) from error
        self._known.add(key)
        self._steps += len(episode)
        self.added += 1

    def _write(self, episode: Episode, index: int) -> None:
        group = self._file.create_group(f"episode_{index}")
        for name in ARRAYS:
            group.create_dataset(name, data=getattr(episode, name), compression="gzip")
        group.create_dataset("infos/source", data=episode.sources)
        group.attrs.update(attributes(episode, index))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self.added:
                self._commit()
            else:
                self._file.close()
        finally:
            self._unfinished.unlink(missing_ok=True)

    def _commit(self) -> None:
        totals = (len(self._file), self._steps)
        self._file.attrs["oda"] = json.dumps(header(self.info))
        self._file.close()
        size = self._unfinished.stat().st_size
        with self._unfinished.open("rb") as file:
            os.fsync(file.fileno())
        target = data_file(self.path)
        os.replace(self._unfinished, target)
        sync_directory(target.parent)
        text = metadata(self.path, self.info, totals, size)
        write_atomic(target.with_name("metadata.json"), text)

    def _expect(self, found: str, expected: str) -> None:
        if found != expected:
            raise BufferFileError(
                f"{self.path}: found an episode of {found}, expected {expected}; "
                "write one buffer per connector"
            )


def write_buffer(path: str | Path, episodes: Sequence[Episode], info: BufferInfo) -> None:
    """Write a new buffer.

    Args:
        path: directory, made here; its name becomes the Minari dataset name.
        episodes: episodes of info.connector, at least one.
        info: what to record.

    Raises:
        BufferFileError: the buffer exists, no episodes, one twice, or one of another connector.
    """
    if data_file(path).exists():
        raise BufferFileError(f"{path}: a buffer is there already; append to it or choose a name")
    if not episodes:
        raise BufferFileError(f"{path}: found no episodes to write, expected at least one")
    with BufferWriter(path, info) as buffer:
        for episode in episodes:
            buffer.add(episode)


def append(
    path: str | Path, episodes: Sequence[Episode], sources: Iterable[SourceFile] = ()
) -> None:
    """Add episodes to a buffer; after a crash the buffer holds all of them or none.

    Raises:
        BufferFileError: the buffer cannot be read, or an episode is of another connector or is in
            the buffer already.
    """
    with BufferWriter(path, replace(read_info(path), sources=tuple(sources))) as buffer:
        for episode in episodes:
            buffer.add(episode)


def read_info(path: str | Path) -> BufferInfo:
    """What a buffer records besides its episodes.

    Raises:
        BufferFileError: the buffer is missing, damaged or of another format.
    """
    with _open(path) as file:
        return _info(file, path)


def read_buffer(path: str | Path) -> list[Episode]:
    """Every episode of a buffer, checked for sizes, finite values and bit rot.

    Raises:
        BufferFileError: the buffer is missing, truncated, of another format or fails a check.
    """
    return list(iterate_buffer(path))


def iterate_buffer(path: str | Path) -> Iterator[Episode]:
    """The episodes of a buffer, one at a time; see read_buffer."""
    with _open(path) as file:
        _info(file, path)
        for i in range(len(file)):
            yield _read(file, f"episode_{i}", str(path))


def _open(path: str | Path) -> h5py.File:
    target = data_file(path)
    if not target.exists():
        raise BufferFileError(f"{path}: no buffer there ({target.name} is missing); check the path")
    try:
        return h5py.File(target, "r")
    except OSError as error:
        raise BufferFileError(
            f"{path}: truncated or not HDF5 ({error}); convert its bags again"
        ) from error


def _info(file: Any, path: str | Path) -> BufferInfo:
    if "oda" not in file.attrs:
        raise BufferFileError(f"{path}: HDF5 without ODA's attributes; make it with oda convert")
    header = json.loads(str(file.attrs["oda"]))
    if header["format"] != FORMAT:
        raise BufferFileError(
            f"{path}: found format {header['format']}, expected {FORMAT}; convert its bags again"
        )
    sizes = {"observation": OBSERVATION_SIZE, "action": ACTION_SIZE}
    if header["sizes"] != sizes:
        raise BufferFileError(
            f"{path}: found sizes {header['sizes']}, expected {sizes}; use data of this robot"
        )
    known = {name: header[name] for name in ("connector", "spec", "sources", "description")}
    try:
        return from_mapping(BufferInfo, known, str(path))
    except ConfigError as error:
        raise BufferFileError(str(error)) from error


def _read(file: Any, name: str, path: str) -> Episode:
    try:
        group = file[name]
        a = group.attrs
        pose = Pose(np.array(a["start_position_m"]), np.array(a["start_quaternion_xyzw"]))
        end = EpisodeEvent(
            stamp_ns=int(a["stamp_ns"]),
            session=str(a["session"]),
            episode_id=int(a["episode_id"]),
            connector=str(a["connector"]),
            purpose=Purpose[a["purpose"]],
            event=Event[a["event"]],
            reason=str(a["reason"]),
            seed=int(a["seed"]),
            start_pose=pose,
            max_steps=int(a["max_steps"]),
            policy_version=int(a["policy_version"]),
            deterministic=bool(a["deterministic"]),
            steps=int(a["total_steps"]),
            peak_force_n=float(a["peak_force_n"]),
        )
        arrays = {key: group[key][()].astype(dtype) for key, dtype in ARRAYS.items()}
        episode = Episode(end=end, **arrays, sources=group["infos/source"][()])
    except (KeyError, OSError, ValueError, ContractError) as error:
        raise BufferFileError(f"{path}: {name}: {error}; convert its bags again") from error
    if digest(episode) != a["sha256"]:
        raise BufferFileError(
            f"{path}: {name}: content and checksum disagree; convert its bags again"
        )
    return episode
