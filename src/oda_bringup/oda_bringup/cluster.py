"""Work on the machines of a Ray cluster. Ray is an optional extra, which nothing else needs."""

import platform
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from oda_core.errors import SessionError

R = TypeVar("R")
VERSION = "2.60.0"  # what was tried; all machines need the same one


class Cluster:
    """Takes work as an executor does; each piece has a core of one of the machines."""

    def __init__(self, ray: Any, token: Path) -> None:
        """Use a cluster that is connected; the token is a file that all machines must see."""
        self._token = token
        self._run = ray.remote(num_cpus=1)(_run)

    def submit(self, work: Callable[..., R], *arguments: Any) -> Future[R]:
        """Run a function of a module of ours on some machine.

        Its result raises SessionError where that machine does not see the shared directory.
        """
        return self._run.remote(self._token, work, arguments).future()

    @staticmethod
    def queue() -> Any:
        """A queue (put, get, empty) that work on every machine can hold."""
        return import_module("ray.util.queue").Queue()


@contextmanager
def cluster(address: str, shared: Path) -> Iterator[Cluster]:
    """Connect to the cluster at an address; what runs there ends with the context.

    Args:
        address: as of ray.init: ``auto`` for one that was started here, ``ray://HOST:10001``.
        shared: directory for results, the same on all machines; made if it is not there.

    Raises:
        SessionError: Ray is not installed here, or no cluster answers.
    """
    try:
        ray = import_module("ray")
    except ImportError as error:
        raise SessionError(
            f"Ray is not installed; pip install ray=={VERSION} here and on every machine of the "
            "cluster, beside this workspace"
        ) from error
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise SessionError(
            f"no Ray cluster answers at {address} ({error}); in a shell with scripts/env.sh, "
            "ray start --head on one machine, and ray start --address=HOST:6379 on the others"
        ) from error
    try:
        shared.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=shared, prefix=".shared-") as token:
            yield Cluster(ray, Path(token.name))
    finally:
        ray.shutdown()


def _run(token: Path, work: Callable[..., R], arguments: tuple[Any, ...]) -> R:
    if not token.exists():
        raise SessionError(
            f"{token.parent}: not seen on {platform.node()}; expected a directory that all "
            "machines of the cluster share"
        )
    return work(*arguments)
