"""oda collect: offline episodes for meta-training."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from oda_bringup.cli.console import progress, say
from oda_bringup.cli.exits import Exit
from oda_bringup.cluster import cluster
from oda_bringup.parallel import workers
from oda_core.errors import OdaError
from oda_core.seeds import task_seed
from oda_core.settings import setting
from oda_policy.config import described

_Line = tuple[str, bool]  # what became of a task, and whether it failed


@described
@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """Collect demonstrations and offline episodes of many connectors, in process, as bags.

    Each connector and each variation of it is a task. OUTPUT/TASK/demos holds good demonstrations.
    OUTPUT/TASK/ddpgfd holds the whole replay of a DDPGfD run that begins with them, reruns holds
    noisy episodes of its final policy. With --source operator there is OUTPUT/TASK/offline instead,
    episodes of an operator from good to useless; with --checkpoint also reruns-HASH, those of its
    policy. demos.json and ddpgfd.json hold what oda gate reads. Parts that are there are not made
    again, so that an interrupted run goes on. With --ray the machines of a Ray cluster that share
    OUTPUT do the tasks.

    Example: oda collect --jobs 2 && oda convert data/bags
    """

    connectors: tuple[str, ...] = setting((), "names or YAML files; none: the training connectors")
    source: Literal["ddpgfd", "operator"] = setting("ddpgfd", "who makes the offline episodes")
    variations: int = setting(0, "further tasks drawn from each connector")
    demos: int = setting(20, "demonstrations per task")
    episodes: int = setting(500, "episodes of each run of DDPGfD, of the operator or checkpoint")
    reruns: int = setting(100, "noisy episodes of the policy that DDPGfD ends with")
    trials: int = setting(100, "episodes that tell how well operator and DDPGfD insert; 0: none")
    checkpoint: str = setting("", "checkpoint whose policy is rerun as well")
    seed: int = setting(0, "of variations, learning, habits, start noise and actions")
    jobs: int = setting(0, "processes at once; 0: one per core")
    ray: str = setting("", "address of a Ray cluster that does the work, such as auto; empty: none")
    output: str = setting("data/bags", "directory of the tasks' bags")

    def __post_init__(self) -> None:
        for name in ("variations", "seed", "jobs", "episodes", "reruns", "trials"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 0 or more")
        if self.demos < 1:
            raise ValueError(f"demos: found {self.demos}, expected 1 or more")


def run(options: CollectOptions) -> int:
    """Collect all tasks in parallel; failed ones are named at the end."""
    from oda_bringup.collect import parts_of

    work = plan(options)
    total = sum(part.episodes for item in work for part in parts_of(item))
    failures = 0
    with _team(options) as (submit, written), progress() as bars:
        tasks = bars.add_task("collecting tasks", total=len(work))
        episodes = bars.add_task("episodes", total=total)
        waiting = {submit(item) for item in work}
        while waiting:
            done, waiting = wait(waiting, timeout=0.5)
            while not written.empty():
                written.get()
                bars.advance(episodes)
            for future in done:
                line, failed = future.result()
                failures += failed
                say(line)
                bars.advance(tasks)
    say(f"{len(work) - failures} of {len(work)} tasks in {options.output}")
    return Exit.NOT_ACCEPTED if failures else Exit.OK


@contextmanager
def _team(options: CollectOptions) -> Iterator[tuple[Callable[[Any], Future[_Line]], Any]]:
    """What takes a task, on this machine or on others, and the queue that hears of episodes."""
    if options.ray:
        with cluster(options.ray, Path(options.output).absolute()) as machines:
            written = machines.queue()
            yield lambda item: machines.submit(_collect_there, written, item), written
    else:
        written = multiprocessing.get_context("spawn").Queue()
        with workers(options.jobs, _prepare, written) as pool:
            yield lambda item: pool.submit(_collect, item), written


def plan(options: CollectOptions) -> list[Any]:
    """The tasks: each connector as it is, then its variations.

    Raises:
        OdaError: a connector or the checkpoint is wrong.
    """
    import numpy as np

    from oda_bringup.collect import Work
    from oda_bringup.inputs import check_checkpoint
    from oda_sim.connector import list_connectors, load_connector
    from oda_sim.variations import vary

    checkpoint = Path(options.checkpoint) if options.checkpoint else None
    if checkpoint is not None:
        check_checkpoint(checkpoint)
    tasks = []
    for name in options.connectors or list_connectors("train"):
        model = load_connector(name)
        rng = np.random.default_rng([options.seed, *model.name.encode()])
        relatives = (vary(model, rng, f"{model.name}-v{i}") for i in range(options.variations))
        tasks += [model, *relatives]
    return [
        Work(
            connector=connector,
            directory=Path(options.output).absolute() / connector.name,
            demos=options.demos,
            episodes=options.episodes,
            seed=task_seed(options.seed, connector.name),
            source=options.source,
            reruns=options.reruns,
            trials=options.trials,
            checkpoint=checkpoint,
        )
        for connector in tasks
    ]


_written: list[Any] = []  # in a worker, the queue that takes one item per episode


def _prepare(written: Any) -> None:
    _written[:] = [written]


def _collect_there(written: Any, work: Any) -> _Line:
    _prepare(written)
    return _collect(work)


def _collect(work: Any) -> _Line:
    from oda_bringup.collect import collect_task

    try:
        return collect_task(work, lambda: _written[0].put(1)), False
    except OdaError as error:
        return f"left out: {error}", True
