"""Safety on live nodes: faults are injected, and the robot must answer each as it is written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from oda_bringup.bench import Measured
from oda_bringup.faults.campaign import choose, run, save, summary
from oda_bringup.faults.judge import Verdict
from oda_bringup.options import AdaptOptions


def measure(
    options: AdaptOptions,
    names: Sequence[str],
    repeats: int,
    output: str,
    tell: Callable[[str], None],
) -> list[Measured]:
    """Inject faults.

    Args:
        options: connector and demonstrations.
        names: of faults; none: all that this user may inject.
        repeats: of each fault.
        output: JSON file for the figures; empty: none.
        tell: hears of each trial.
    """

    def told(verdict: Verdict) -> None:
        rest = f"at rest after {verdict.rest_s:.2f} s, " if verdict.rest_s >= 0 else ""
        end = "; ".join(verdict.problems) or "as it must be"
        tell(f"{verdict.fault}: {rest}peak {verdict.peak_force_n:.0f} N: {end}")

    with TemporaryDirectory(prefix="oda-faults-") as folder:
        verdicts = run(choose(names), repeats, options, Path(folder), told)
    if output:
        save(Path(output), verdicts)
    return [_row(figures) for figures in summary(verdicts)]


def _row(figures: dict) -> Measured:
    """One fault; its value is the longest time to rest, or else the trials that passed."""
    passed, trials = figures["passed"], figures["trials"]
    what = f"{figures['what']}, {passed} of {trials} as it must be"
    if figures["rest_max_s"] is None:
        return Measured(what, passed, "trials", f">= {trials}", passed == trials)
    goal = f"<= {figures['rest_limit_s']:.2f}"
    return Measured(what, figures["rest_max_s"], "s to rest", goal, passed == trials)
