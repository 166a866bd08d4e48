"""Run units in parallel, each as soon as its inputs are there; go on where a run stopped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from oda_bringup.parallel import workers
from oda_bringup.study.learning import Adaptation, Trials
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


def select(
    units: Sequence[Unit],
    stages: Sequence[str],
    methods: Sequence[str] = (),
    connectors: Sequence[str] = (),
) -> list[Unit]:
    """The units of these stages and all that they need, in order; no stages take every unit.

    Args:
        units: in an order in which inputs come first.
        stages: to select.
        methods: of units that try or adapt a method, only these; none: all.
        connectors: of units that try or adapt a method, only on these; none: all.

    Raises:
        SessionError: an input that no unit makes, or that stands behind its reader.
    """
    known: set[str] = set()
    for unit in units:
        if missing := [i for i in unit.inputs if i not in known]:
            raise SessionError(f"{unit.id}: needs {missing[0]}, which no unit before it makes")
        known.add(unit.id)
    wanted = {
        unit.id
        for unit in units
        if (not stages or unit.stage in stages) and _concerns(unit, methods, connectors)
    }
    for unit in reversed(units):
        if unit.id in wanted:
            wanted |= set(unit.inputs)
    return [unit for unit in units if unit.id in wanted]


def _concerns(unit: Unit, methods: Sequence[str], connectors: Sequence[str]) -> bool:
    """Whether a unit tries or adapts one of these methods on one of these, or nothing at all."""
    job = unit.job
    if not isinstance(job, Trials | Adaptation):
        return True
    return (not methods or job.method.name in methods) and (
        not connectors or job.connector.name in connectors
    )


def outdated(units: Sequence[Unit], store: Store) -> list[Unit]:
    """The units that have no result which holds, or that read of one that has none."""
    holding = store.holding(units)
    return [unit for unit in units if unit.id not in holding]


def run(units: Sequence[Unit], store: Store, jobs: int, listener: Listener) -> Progress:
    """Do what is not done; units whose inputs failed are left out.

    Args:
        units: in an order in which inputs come first.
        store: results.
        jobs: processes; 1 works in this one.
        listener: called with each unit that ends and what became of it.
    """
    waiting = list(units)
    with _submitting(jobs) as submit:
        crew = _Crew(store, submit, jobs, listener)
        while waiting or crew.running:
            waiting = [unit for unit in waiting if not crew.takes(unit)]
            for future in wait(crew.running, return_when=FIRST_COMPLETED).done:
                crew.finish(future)
    return crew.progress


@dataclass
class _Crew:
    store: Store
    submit: Submit
    jobs: int
    listener: Listener
    progress: Progress = field(default_factory=Progress)
    running: dict["Future[Record | OdaError]", Unit] = field(default_factory=dict)

    def takes(self, unit: Unit) -> bool:
        """Settle or begin a unit; False when it must still wait."""
        prints, failed = self.progress.fingerprints, self.progress.failed
        if broken := [i for i in unit.inputs if i in failed]:
            failed[unit.id] = f"needs {broken[0]}, which failed"
            self.listener(unit, failed[unit.id])
            return True
        if len(self.running) >= self.jobs or not all(i in prints for i in unit.inputs):
            return False
        if record := self.store.current(unit, prints):
            prints[unit.id] = record.fingerprint
            self.listener(unit, "cached")
        else:
            inputs = {i: prints[i] for i in unit.inputs}
            self.running[self.submit(_perform, self.store, unit, inputs)] = unit
        return True

    def finish(self, future: "Future[Record | OdaError]") -> None:
        """Take what became of a unit."""
        unit, outcome = self.running.pop(future), future.result()
        if isinstance(outcome, OdaError):
            self.progress.failed[unit.id] = str(outcome)
            self.listener(unit, f"failed: {outcome}")
            return
        self.progress.fingerprints[unit.id] = outcome.fingerprint
        self.progress.performed.append(unit.id)
        self.listener(unit, f"{outcome.wall_s:.0f} s")


def _perform(store: Store, unit: Unit, fingerprints: Mapping[str, str]) -> Record | OdaError:
    try:
        return store.perform(unit, fingerprints)
    except OdaError as error:
        return error


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
