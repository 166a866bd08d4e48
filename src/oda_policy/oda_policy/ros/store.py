"""Episodes of a session on the trainer's disk, one durable file each. No ROS here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from oda_core.errors import ContractError, SessionError
from oda_core.files import write_atomic
from oda_core.se3 import Pose
from oda_core.types import Episode, EpisodeEvent, Event, Purpose

ARRAYS = ("observations", "actions", "rewards", "terminations", "truncations", "sources")
_KEY = "oda_episode"


class EpisodeStore:
    """What is acknowledged is here: a file is whole or absent, whatever was killed when."""

    def __init__(self, directory: Path) -> None:
        """Open a directory; it is made with the first episode."""
        self.directory = directory
        self.ids = {int(path.stem) for path in directory.glob("[0-9]*.safetensors")}

    def put(self, episode: Episode) -> bool:
        """Write an episode; False when its id is there already."""
        if episode.end.episode_id in self.ids:
            return False
        arrays = {name: np.ascontiguousarray(getattr(episode, name)) for name in ARRAYS}
        write_atomic(self._path(episode.end.episode_id), save(arrays, {_KEY: _header(episode.end)}))
        self.ids.add(episode.end.episode_id)
        return True

    def episodes(self) -> list[Episode]:
        """Every stored episode in the order of ids.

        Raises:
            SessionError: a file is damaged.
        """
        return [self._read(self._path(episode_id)) for episode_id in sorted(self.ids)]

    def _path(self, episode_id: int) -> Path:
        return self.directory / f"{episode_id:06d}.safetensors"

    def _read(self, path: Path) -> Episode:
        try:
            with safe_open(path, framework="numpy") as file:
                header = json.loads(file.metadata()[_KEY])
                arrays = {name: file.get_tensor(name) for name in ARRAYS}
            return Episode(end=_event(header), **arrays)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, ContractError) as error:
            raise SessionError(
                f"{path}: cannot be read ({error}); the disk damaged it: begin a new session"
            ) from error


def _header(end: EpisodeEvent) -> str:
    pose = {axis: values.tolist() for axis, values in end.start_pose._asdict().items()}
    content = vars(end) | {
        "purpose": end.purpose.name,
        "event": end.event.name,
        "start_pose": pose,
    }
    return json.dumps(content)


def _event(header: dict[str, Any]) -> EpisodeEvent:
    pose = Pose(**{axis: np.array(values) for axis, values in header["start_pose"].items()})
    parsed = {"purpose": Purpose[header["purpose"]], "event": Event[header["event"]]}
    return EpisodeEvent(**{**header, **parsed, "start_pose": pose})
