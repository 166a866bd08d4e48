"""Checks of what a user hands in, before anything starts."""

from pathlib import Path

from oda_core.errors import CheckpointError
from oda_core.spec import TaskSpec
from oda_core.types import Episode
from oda_policy.checkpoint import Checkpoint
from oda_policy.ros.demonstrations import load_demonstrations


def check_demonstrations(path: Path, connector: str) -> list[Episode]:
    """Demonstrations that can tell a policy what to do.

    Raises:
        OdaError: there is none, none succeeded, or they are of another connector.
    """
    return load_demonstrations(path, connector)


def check_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint of this robot and task.

    Raises:
        CheckpointError: what was found and what was expected.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: does not exist; make one with oda meta-train")
    return Checkpoint.load(path, spec=TaskSpec())
