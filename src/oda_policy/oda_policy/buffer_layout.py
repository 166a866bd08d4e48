"""Layout of buffers: the names, attributes and metadata of Minari datasets, and our own.

HDF5 group episode_N holds the arrays of one episode and, as attributes, its end event.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE, TaskSpec
from oda_core.types import BASE_FRAME, TCP_FRAME, Episode

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


DEMONSTRATIONS, OFFLINE = "demos", "offline"  # buffers of a connector below oda convert's output


def data_file(path: str | Path) -> Path:
    """The HDF5 file of a buffer directory."""
    return Path(path) / "data" / "main_data.hdf5"


def header(info: BufferInfo) -> dict[str, Any]:
    """What the file says of itself, as an attribute."""
    return {
        "format": FORMAT,
        **asdict(info),
        "observation": f"{OBSERVATION_NAMES}; scaled by spec, in the frame of the start TCP",
        "action": "executed TCP twist: linear 3, angular 3; times the limits of spec [m/s, rad/s]",
        "reward": "1 when inserted, else 0",
        "frames": {"start_pose": BASE_FRAME, "action": TCP_FRAME, "quaternions": "xyzw"},
        "sizes": {"observation": OBSERVATION_SIZE, "action": ACTION_SIZE},
    }


def attributes(episode: Episode, index: int) -> dict[str, Any]:
    """Attributes of the group of an episode; index counts within the file."""
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
        "sha256": digest(episode),
    }


def digest(episode: Episode) -> str:
    """SHA-256 of an episode's arrays, hexadecimal."""
    result = hashlib.sha256()
    for name, dtype in ARRAYS.items():
        result.update(np.ascontiguousarray(getattr(episode, name), dtype).tobytes())
    result.update(np.ascontiguousarray(episode.sources, np.uint8).tobytes())
    return result.hexdigest()


def metadata(path: Path, info: BufferInfo, totals: tuple[int, int], size: int) -> str:
    """What Minari reads first, JSON; of a buffer of totals (episodes, steps) and size [bytes]."""
    name = path.name if re.fullmatch(r"[-_\w]+-v\d+", path.name) else f"{path.name}-v0"
    fields = {
        "total_episodes": totals[0],
        "total_steps": totals[1],
        "data_format": "hdf5",
        "observation_space": _box(OBSERVATION_SIZE, float("inf")),
        "action_space": _box(ACTION_SIZE, 1.0),
        "dataset_id": re.sub(r"[^-_\w]", "_", name),
        "minari_version": MINARI_VERSION,
        "dataset_size": round(size / 1e6, 1),
        "description": info.description or f"ODA insertion episodes of {info.connector}",
    }
    return json.dumps(fields, indent=2)


def _box(size: int, bound: float) -> str:
    limits = {"low": [-bound] * size, "high": [bound] * size}
    return json.dumps({"type": "Box", "dtype": "float32", "shape": [size], **limits})
