"""Checks of what a user hands in, before anything starts."""

from pathlib import Path

from oda_core.bag import BagReport, read_episodes
from oda_core.errors import BagError, CheckpointError
from oda_core.spec import TaskSpec
from oda_core.types import Episode


def load_demonstrations(path: Path) -> list[Episode]:
    """Every finished episode of a bag or a buffer.

    Raises:
        OdaError: it cannot be read, or holds no finished episode.
    """
    if (path / "data").is_dir():
        from oda_policy.buffer import read_buffer

        return read_buffer(path)
    report = BagReport()
    episodes = list(read_episodes(path, report))
    if not episodes:
        dropped = f" ({'; '.join(report.dropped)})" if report.dropped else ""
        raise BagError(f"{path}: found no finished episode{dropped}, expected about 20")
    return episodes


def check_demonstrations(path: Path, connector: str) -> list[Episode]:
    """Demonstrations that can tell a policy what to do.

    Raises:
        OdaError: there is none, none succeeded, or they are of another connector.
    """
    episodes = load_demonstrations(path)
    others = sorted({e.end.connector for e in episodes} - {connector})
    if others:
        raise BagError(
            f"{path}: holds demonstrations of {', '.join(others)}, expected {connector}; give "
            "those of this connector, or name the connector that they show"
        )
    if not any(episode.success for episode in episodes):
        raise BagError(
            f"{path}: none of {len(episodes)} demonstrations succeeded; record better ones with "
            "oda demo"
        )
    return episodes


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint that is not there or not of this task.

    Raises:
        CheckpointError: what was found and what was expected.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: does not exist; make one with oda meta-train")
    from oda_policy.checkpoint import Checkpoint

    Checkpoint.load(path, spec=TaskSpec())
