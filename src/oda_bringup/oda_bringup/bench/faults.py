"""Safety on live nodes: faults are injected, and the robot must answer each as it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from oda_bringup.bench import Measured
from oda_bringup.faults.campaign import choose, run, run_inside, save, summary
from oda_bringup.faults.judge import Verdict
from oda_bringup.options import AdaptOptions


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """What to inject."""

    options: AdaptOptions  # connector and demonstrations
    names: tuple[str, ...]  # of faults; none: all that this user may inject
    repeats: int  # of each
    inside: bool  # this process, in simulated time; else live nodes
    output: str  # JSON file for the figures; empty: none


def measure(plan: FaultPlan, tell: Callable[[str], None]) -> list[Measured]:
    """Inject faults; tell hears of each trial."""
    verdicts = list[Verdict]()

    def told(verdict: Verdict) -> None:
        verdicts.append(verdict)
        if plan.output:
            save(Path(plan.output), verdicts)  # what was measured is kept, whatever comes
        rest = f"at rest after {verdict.rest_s:.2f} s, " if verdict.rest_s >= 0 else ""
        end = "; ".join(verdict.problems) or "as it must be"
        tell(f"{verdict.fault}: {rest}peak {verdict.peak_force_n:.0f} N: {end}")

    with TemporaryDirectory(prefix="oda-faults-") as folder:
        inject = run_inside if plan.inside else run
        inject(choose(plan.names), plan.repeats, plan.options, Path(folder), told)
    return [_row(figures) for figures in summary(verdicts)]


def _row(figures: dict) -> Measured:
    """One fault; its value is the longest time to rest, or else the trials that passed."""
    passed, trials = figures["passed"], figures["trials"]
    what = f"{figures['what']}, {passed} of {trials} as it must be"
    if figures["rest_max_s"] is None:
        return Measured(what, passed, "trials", f">= {trials}", passed == trials)
    goal = f"<= {figures['rest_limit_s']:.2f}"
    return Measured(what, figures["rest_max_s"], "s to rest", goal, passed == trials)
