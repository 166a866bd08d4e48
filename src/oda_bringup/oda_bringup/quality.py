"""How well those who made a task's data insert: what the gates of the data read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oda_core.bag import read_episodes
from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError
from oda_core.files import sha256_file, write_atomic
from oda_policy.evaluate import Rate, success_rate


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Trials of whoever made a task's data, and which data that is."""

    connector: str
    seed: int  # of the trials
    successes: int
    trials: int
    mean_steps: float  # of the trials
    updates: int = 0  # that were learned with
    curve: tuple[int, ...] = ()  # 1 or 0 for each training episode that inserted or did not
    bags: Mapping[str, str] = field(default_factory=dict)  # file to SHA-256

    @property
    def rate(self) -> Rate:
        """Success with its interval."""
        return success_rate([i < self.successes for i in range(self.trials)])

    def save(self, path: Path) -> None:
        """Write as JSON; equal figures give equal text."""
        write_atomic(path, json.dumps(to_mapping(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Quality":
        """Read what save wrote.

        Raises:
            ConfigError: missing or damaged.
        """
        try:
            return from_mapping(cls, json.loads(path.read_text()), str(path))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: cannot be read ({error}); run oda collect again") from error


def outcomes(bag: Path) -> tuple[int, ...]:
    """1 for each episode of a bag that inserted, else 0, in order."""
    return tuple(int(episode.success) for episode in read_episodes(bag))


def hashes(bags: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of the data files of bags, by file name."""
    files = sorted(file for bag in bags for file in bag.glob("*.mcap"))
    return {file.name: sha256_file(file) for file in files}
