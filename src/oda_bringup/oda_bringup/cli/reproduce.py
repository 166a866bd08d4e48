"""oda reproduce: the whole study, from data to tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.progress import Progress, TaskID

from oda_bringup.cli.console import OUT, progress, say, table
from oda_bringup.cli.exits import Exit
from oda_bringup.parallel import default_jobs
from oda_core.errors import SessionError
from oda_core.settings import setting
from oda_policy.config import described

RENDER = "render"


@described
@dataclass(frozen=True, kw_only=True)
class ReproduceOptions:
    """Reproduce the study: collect, train, adapt, and write tables and plots.

    Each unit of work leaves one JSON in OUTPUT/STAGE; what is there and still follows from the same
    settings and inputs is not done again, so that a stopped run goes on. --only names stages, with
    what they need: collect, convert, demonstrations, training, map, oracle, gates, fig3, aside,
    fig4, pretraining, challenges, scaling-training, scaling, ablation-training, ablations, stress,
    render. The exit code is 1 when a unit failed or a gate is not passed.

    Example: oda reproduce --scale smoke
    """

    scale: Literal["full", "smoke"] = setting("full", "smoke: everything, but tiny")
    seeds: int = setting(0, "seeds of meta-training and finetuning; 0: those of the scale")
    only: tuple[str, ...] = setting((), "stages to do; none: all")
    methods: tuple[str, ...] = setting((), "methods to try and adapt, such as oda-best; none: all")
    connectors: tuple[str, ...] = setting((), "connectors to try and adapt on; none: all")
    force: bool = setting(False, "do again what is there: of --only, or everything")
    jobs: int = setting(0, "processes at once; 0: one per core")
    output: str = setting("", "directory of results; empty: data/study, or data/study-smoke")
    results: str = setting("", "directory of tables; empty: docs/results, smoke: OUTPUT/results")
    estimate: bool = setting(False, "only tell what is to be done and about how long it takes")

    def __post_init__(self) -> None:
        for name in ("jobs", "seeds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 0 or more")


def run(options: ReproduceOptions) -> int:
    """Do what is not done yet and render it."""
    from oda_bringup.study.methods import METHODS
    from oda_bringup.study.plan import Study
    from oda_bringup.study.render import render
    from oda_bringup.study.results import Results
    from oda_bringup.study.runner import run as run_units
    from oda_bringup.study.runner import select
    from oda_bringup.study.scale import SCALES
    from oda_bringup.study.stages import NAMES, units_of
    from oda_bringup.study.store import Store
    from oda_sim.connector import list_connectors

    _check("stage", options.only, (*NAMES, RENDER))
    _check("method", options.methods, tuple(METHODS))
    _check("connector", options.connectors, tuple(list_connectors()))
    suffix = "" if options.scale == "full" else f"-{options.scale}"
    root = Path(options.output or f"data/study{suffix}")
    study = Study.load(SCALES[options.scale].with_seeds(options.seeds or None))
    store, every = Store(root), units_of(study)
    wanted = tuple(name for name in options.only if name != RENDER)
    chosen = (wanted, options.methods, options.connectors)
    units = select(every, *chosen) if wanted or not options.only else []
    if options.force:
        store.forget([u for u in units if not wanted or u.stage in wanted])
    jobs = options.jobs or default_jobs()
    announce(units, store, jobs)
    if options.estimate:
        return Exit.OK
    with progress() as bars:
        task = bars.add_task("study", total=len(units))
        outcome = run_units(units, store, jobs, lambda unit, text: _tell(bars, task, unit, text))
    if not options.only or RENDER in options.only:
        results = Path(options.results or ("docs/results" if not suffix else root / "results"))
        page = render(Results.read(every, store), study.scale, results)
        OUT.print(f"written {page}", markup=False)
    for name, reason in outcome.failed.items():
        say(f"failed {name}: {reason}")
    passed = _gates_passed(units, store)
    return Exit.OK if passed and not outcome.failed else Exit.NOT_ACCEPTED


def announce(units: list[Any], store: Any, jobs: int) -> None:
    """What is to be done, stage by stage, and about how long it takes."""
    from oda_bringup.study.runner import outdated

    missing = outdated(units, store)
    rows = []
    for stage in dict.fromkeys(unit.stage for unit in units):
        own = [unit for unit in missing if unit.stage == stage]
        total = sum(unit.stage == stage for unit in units)
        rows.append((stage, total, total - len(own), _minutes(sum(u.job.cost_s for u in own))))
    table(("stage", "units", "done", "core time left"), rows)
    cost = sum(unit.job.cost_s for unit in missing)
    say(f"{len(missing)} of {len(units)} units to do: about {_minutes(cost / jobs)} on {jobs} jobs")


def _minutes(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.1f} min"


def _tell(bars: Progress, task: TaskID, unit: Any, text: str) -> None:
    bars.advance(task)
    if text != "cached":
        say(f"{unit.id}: {text}")


def _check(what: str, named: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = [name for name in named if name not in known]
    if unknown:
        raise SessionError(f"{what}: found {unknown[0]!r}, expected one of {', '.join(known)}")


def _gates_passed(units: list[Any], store: Any) -> bool:
    passed = True
    for unit in units:
        record = store.record(unit.id) if unit.stage == "gates" else None
        for finding in record.result["findings"] if record else ():
            if not finding["passed"]:
                subject, value, goal = (finding[key] for key in ("subject", "value", "goal"))
                say(f"gate {unit.name}: {subject}: found {value}, expected {goal}")
                passed = False
    return passed
