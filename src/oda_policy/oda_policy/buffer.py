"""Buffers: episodes of one connector on disk, HDF5 in the layout of Minari datasets.

A buffer is a directory: ``data/main_data.hdf5`` holds everything and is the truth;
``data/metadata.json`` is what Minari reads first. ``minari.MinariDataset(path / "data")`` opens
it, and so does ``minari.load_dataset`` where the directory lies in Minari's root. Both files are
replaced atomically, data first, so that a crash leaves the old buffer or the new one.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from oda_core.config import from_mapping
from oda_core.errors import BufferFileError, ConfigError, ContractError
from oda_core.files import sha256_file, write_atomic
from oda_core.se3 import Pose
from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE, TaskSpec
from oda_core.types import BASE_FRAME, TCP_FRAME, Episode, EpisodeEvent, Event, Purpose

FORMAT = 1
MINARI_VERSION = "0.5.0"  # oldest layout that every Minari 0.5.x opens
ARRAYS = {
    "observations": np.float32,
    "actions": np.float32,
    "rewards": np.float32,
    "terminations": np.bool_,
    "truncations": np.bool_,
}
OBSERVATION_NAMES = "position 3, rotation vector 3, linear 3, angular 3, force 3, torque 3"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """Where episodes came from."""

    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class BufferInfo:
    """What a buffer records besides its episodes."""

    connector: str
    spec: TaskSpec = field(default_factory=TaskSpec)
    sources: tuple[SourceFile, ...] = ()
    description: str = ""


def data_file(path: str | Path) -> Path:
    """The HDF5 file of a buffer directory."""
    return Path(path) / "data" / "main_data.hdf5"


def buffer_sha256(path: str | Path) -> str:
    """SHA-256 of a buffer's content, hexadecimal; checkpoints record it."""
    return sha256_file(data_file(path))


def write_buffer(path: str | Path, episodes: Sequence[Episode], info: BufferInfo) -> None:
    """Write a new buffer.

    Args:
        path: directory, made here; its name becomes the Minari dataset name.
        episodes: episodes of info.connector, at least one.
        info: what to record.

    Raises:
        BufferFileError: the buffer exists, no episodes, or an episode of another connector.
    """
    if data_file(path).exists():
        raise BufferFileError(f"{path}: a buffer is there already; append to it or choose a name")
    if not episodes:
        raise BufferFileError(f"{path}: found no episodes to write, expected at least one")
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file.attrs["oda"] = json.dumps(_header(info))
        totals = _add(file, episodes, info.connector, str(path))
    _commit(Path(path), image, info, totals)


def append(
    path: str | Path, episodes: Sequence[Episode], sources: Iterable[SourceFile] = ()
) -> None:
    """Add episodes to a buffer; after a crash the buffer holds all of them or none.

    Raises:
        BufferFileError: the buffer cannot be read, or an episode is of another connector or is in
            the buffer already.
    """
    info = read_info(path)
    info = replace(info, sources=(*info.sources, *sources))
    image = io.BytesIO(data_file(path).read_bytes())
    with h5py.File(image, "r+") as file:
        groups: Any = file.values()
        known = {(g.attrs["session"], int(g.attrs["episode_id"])) for g in groups}
        for episode in episodes:
            key = (episode.end.session, episode.end.episode_id)
            if key in known:
                raise BufferFileError(
                    f"{path}: episode {key[1]} of session {key[0]} is there already"
                )
        file.attrs["oda"] = json.dumps(_header(info))
        totals = _add(file, episodes, info.connector, str(path))
    _commit(Path(path), image, info, totals)


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
    with _open(path) as file:
        _info(file, path)
        return [_read(file, f"episode_{i}", str(path)) for i in range(len(file))]


def _header(info: BufferInfo) -> dict[str, Any]:
    return {
        "format": FORMAT,
        **asdict(info),
        "observation": f"{OBSERVATION_NAMES}; scaled by spec, in the frame of the start TCP",
        "action": "executed TCP twist: linear 3, angular 3; times the limits of spec [m/s, rad/s]",
        "reward": "1 when inserted, else 0",
        "frames": {"start_pose": BASE_FRAME, "action": TCP_FRAME, "quaternions": "xyzw"},
        "sizes": {"observation": OBSERVATION_SIZE, "action": ACTION_SIZE},
    }


def _add(file: Any, episodes: Sequence[Episode], connector: str, where: str) -> tuple[int, int]:
    for episode in episodes:
        if episode.end.connector != connector:
            raise BufferFileError(
                f"{where}: found an episode of {episode.end.connector}, expected {connector}; "
                "write one buffer per connector"
            )
        group = file.create_group(f"episode_{len(file)}")
        for name in ARRAYS:
            group.create_dataset(name, data=getattr(episode, name), compression="gzip")
        group.create_dataset("infos/source", data=episode.sources)
        group.attrs.update(_attributes(episode, len(file) - 1))
    return len(file), sum(int(group.attrs["total_steps"]) for group in file.values())


def _attributes(episode: Episode, index: int) -> dict[str, Any]:
    end = episode.end
    return {
        "id": index,
        "seed": np.uint64(end.seed),
        "total_steps": len(episode),
        "session": end.session,
        "episode_id": end.episode_id,
        "connector": end.connector,
        "purpose": end.purpose.name,
        "event": end.event.name,
        "reason": end.reason,
        "stamp_ns": end.stamp_ns,
        "start_position_m": end.start_pose.position,
        "start_quaternion_xyzw": end.start_pose.quaternion,
        "max_steps": end.max_steps,
        "policy_version": end.policy_version,
        "deterministic": end.deterministic,
        "peak_force_n": end.peak_force_n,
        "sha256": _digest(episode),
    }


def _digest(episode: Episode) -> str:
    digest = hashlib.sha256()
    for name, dtype in ARRAYS.items():
        digest.update(np.ascontiguousarray(getattr(episode, name), dtype).tobytes())
    digest.update(np.ascontiguousarray(episode.sources, np.uint8).tobytes())
    return digest.hexdigest()


def _commit(path: Path, image: io.BytesIO, info: BufferInfo, totals: tuple[int, int]) -> None:
    name = path.name if re.fullmatch(r"[-_\w]+-v\d+", path.name) else f"{path.name}-v0"
    metadata = {
        "total_episodes": totals[0],
        "total_steps": totals[1],
        "data_format": "hdf5",
        "observation_space": _box(OBSERVATION_SIZE, float("inf")),
        "action_space": _box(ACTION_SIZE, 1.0),
        "dataset_id": re.sub(r"[^-_\w]", "_", name),
        "minari_version": MINARI_VERSION,
        "dataset_size": round(len(image.getbuffer()) / 1e6, 1),
        "description": info.description or f"ODA insertion episodes of {info.connector}",
    }
    write_atomic(data_file(path), image.getvalue())
    write_atomic(data_file(path).with_name("metadata.json"), json.dumps(metadata, indent=2))


def _box(size: int, bound: float) -> str:
    limits = {"low": [-bound] * size, "high": [bound] * size}
    return json.dumps({"type": "Box", "dtype": "float32", "shape": [size], **limits})


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
    if _digest(episode) != a["sha256"]:
        raise BufferFileError(
            f"{path}: {name}: content and checksum disagree; convert its bags again"
        )
    return episode
