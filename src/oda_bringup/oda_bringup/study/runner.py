"""Run units in parallel, each as soon as its inputs are there; go on where a run stopped."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from oda_bringup.parallel import workers
from oda_bringup.study.store import Record, Store
from oda_bringup.study.unit import Unit
from oda_core.errors import OdaError, SessionError

Submit = Callable[..., "Future[Record | OdaError]"]
Listener = Callable[[Unit, str], None]  # a unit and what became of it


@dataclass
class Progress:
    """What became of the units of a run."""

    fingerprints: dict[str, str] = field(default_factory=dict)  # of finished units
    performed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # unit to the reason


def select(units: Sequence[Unit], stages: Sequence[str]) -> list[Unit]:
    """The units of these stages and all that they need, in order; no stages take every unit.

    Raises:
        SessionError: an input that no unit makes, or that stands behind its reader.
    """
    known: set[str] = set()
    for unit in units:
        if missing := [i for i in unit.inputs if i not in known]:
            raise SessionError(f"{unit.id}: needs {missing[0]}, which no unit before it makes")
        known.add(unit.id)
    wanted = {unit.id for unit in units if not stages or unit.stage in stages}
    for unit in reversed(units):
        if unit.id in wanted:
            wanted |= set(unit.inputs)
    return [unit for unit in units if unit.id in wanted]


def outdated(units: Iterable[Unit], store: Store) -> list[Unit]:
    """The units that have no result which holds, or that read of one that has none."""
    fingerprints: dict[str, str] = {}
    missing = []
    for unit in units:
        ready = all(i in fingerprints for i in unit.inputs)
        record = store.current(unit, fingerprints) if ready else None
        if record is None:
            missing.append(unit)
        else:
            fingerprints[unit.id] = record.fingerprint
    return missing


def run(units: Sequence[Unit], store: Store, jobs: int, listener: Listener) -> Progress:
    """Do what is not done; units whose inputs failed are left out.

    Args:
        units: in an order in which inputs come first.
        store: results.
        jobs: processes; 1 works in this one.
        listener: called with each unit that ends and what became of it.
    """
    progress = Progress()
    waiting, running = list(units), dict["Future[Record | OdaError]", Unit]()
    with _submitting(jobs) as submit:
        while waiting or running:
            waiting = _start(waiting, running, progress, store, submit, listener)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                _finish(running.pop(future), future.result(), progress, listener)
    return progress


def _start(
    waiting: Sequence[Unit],
    running: dict["Future[Record | OdaError]", Unit],
    progress: Progress,
    store: Store,
    submit: Submit,
    listener: Listener,
) -> list[Unit]:
    """Submit what is ready and not done; the units that must still wait."""
    left = []
    for unit in waiting:
        fingerprints = progress.fingerprints
        if failed := [i for i in unit.inputs if i in progress.failed]:
            progress.failed[unit.id] = f"needs {failed[0]}, which failed"
            listener(unit, progress.failed[unit.id])
        elif not all(i in fingerprints for i in unit.inputs):
            left.append(unit)
        elif record := store.current(unit, fingerprints):
            fingerprints[unit.id] = record.fingerprint
            listener(unit, "cached")
        else:
            inputs = {i: fingerprints[i] for i in unit.inputs}
            running[submit(_perform, store, unit, inputs)] = unit
    return left


def _perform(store: Store, unit: Unit, fingerprints: Mapping[str, str]) -> Record | OdaError:
    try:
        return store.perform(unit, fingerprints)
    except OdaError as error:
        return error


def _finish(unit: Unit, outcome: Record | OdaError, progress: Progress, listener: Listener) -> None:
    if isinstance(outcome, OdaError):
        progress.failed[unit.id] = str(outcome)
        listener(unit, f"failed: {outcome}")
        return
    progress.fingerprints[unit.id] = outcome.fingerprint
    progress.performed.append(unit.id)
    listener(unit, f"{outcome.wall_s:.0f} s")


@contextmanager
def _submitting(jobs: int) -> Iterator[Submit]:
    if jobs == 1:
        yield _now
        return
    with workers(jobs) as pool:
        yield pool.submit


def _now(work: Callable[..., Record | OdaError], *arguments: object) -> "Future[Record | OdaError]":
    future: Future[Record | OdaError] = Future()
    future.set_result(work(*arguments))
    return future
