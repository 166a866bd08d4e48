"""Work in several processes that end with this one, however it ends."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from oda_bringup.lifeline import end_with_parent

T = TypeVar("T")
R = TypeVar("R")


def default_jobs() -> int:
    """Processes that can work at once here."""
    return len(os.sched_getaffinity(0))


@contextmanager
def workers(
    jobs: int, prepare: Callable[..., None] | None = None, *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes use one thread each; leaving early ends what they do.

    Args:
        jobs: processes; 0 takes one per core.
        prepare: called once in each process.
        arguments: of prepare.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that are started from here on
    pool = ProcessPoolExecutor(
        jobs or default_jobs(),
        multiprocessing.get_context("spawn"),
        _begin,
        (os.getpid(), prepare, arguments),
    )
    try:
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def each(jobs: int, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The result of every item, in order; one job works in this process."""
    if jobs == 1:
        return [work(item) for item in items]
    with workers(jobs) as pool:
        return list(pool.map(work, items))


def _begin(parent: int, prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    end_with_parent(parent)
    if prepare is not None:
        prepare(*arguments)
