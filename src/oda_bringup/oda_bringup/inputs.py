"""Checks of what a user hands in, before anything starts.

Run as a program, it checks one checkpoint: the command that supervises nodes never loads torch
itself, so that it starts and, above all, ends quickly.
"""

import subprocess
import sys
from pathlib import Path

from oda_core.errors import CheckpointError, OdaError, SessionError
from oda_core.spec import TaskSpec
from oda_policy.ros.demonstrations import load_demonstrations

REFUSED = 2


def check_inputs(checkpoint: Path, demos: Path, connector: str) -> None:
    """Refuse a checkpoint or demonstrations that cannot be used, in a process apart.

    Raises:
        OdaError: what was found, what was expected and what to do.
    """
    _check_exists(checkpoint)
    argv = [sys.executable, "-m", "oda_bringup.inputs", str(checkpoint)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True) as apart:
        try:
            load_demonstrations(demos, connector)
            answer, trace = apart.communicate()
        finally:
            apart.kill()
    if apart.returncode == REFUSED:
        raise CheckpointError(answer.strip())
    if apart.returncode != 0:
        raise SessionError(f"{checkpoint}: cannot be checked:\n{trace.strip()}")


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint that is not of this robot and task, or is damaged.

    Raises:
        CheckpointError: what was found and what was expected.
    """
    from oda_policy.checkpoint import Checkpoint  # loads torch

    _check_exists(path)
    Checkpoint.load(path, spec=TaskSpec())


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise CheckpointError(f"{path}: does not exist; make one with oda meta-train")


def main() -> int:
    """Check the checkpoint that the first argument names."""
    try:
        check_checkpoint(Path(sys.argv[1]))
    except OdaError as error:
        sys.stdout.write(f"{error}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
