"""Demonstrations of a session from a bag or a buffer. No ROS here."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oda_core.bag import BagReport, read_episodes
from oda_core.errors import BufferFileError
from oda_core.types import Episode
from oda_policy.buffer import DEMONSTRATIONS, data_file, read_buffer


def load_demonstrations(path: str | Path, connector: str) -> list[Episode]:
    """The successful episodes of a bag directory, a buffer, or what oda convert wrote of several.

    Raises:
        OdaError: it cannot be read, is of another connector, or shows no success.
    """
    report = BagReport()
    converted = Path(path) / connector / DEMONSTRATIONS
    place = converted if data_file(converted).exists() else path
    found = read_buffer(place) if data_file(place).exists() else list(read_episodes(place, report))
    others = sorted({e.end.connector for e in found} - {connector})
    if others:
        raise BufferFileError(
            f"{path}: found demonstrations of {', '.join(others)}, expected {connector}; give "
            "those of this connector"
        )
    demos = [episode for episode in found if episode.success]
    if not demos:
        dropped = f"; dropped: {'; '.join(report.dropped)}" if report.dropped else ""
        raise BufferFileError(
            f"{path}: found {len(found)} episodes and no success among them, expected at least one "
            f"demonstration (20 are usual); record them with oda demo{dropped}"
        )
    return demos


def content_sha256(episodes: Sequence[Episode]) -> str:
    """SHA-256 of what was observed and done, hexadecimal; the same for a bag and its buffer."""
    digest = hashlib.sha256()
    for episode in episodes:
        for values in (episode.observations, episode.actions, episode.rewards):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
