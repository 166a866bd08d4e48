"""A policy that is told the true task inserts every training connector.

It is what is left to learn when the demonstrations need not be read: where it fails, no task code
can help.
"""

from collections.abc import Iterable

from oda_bringup.gates import Finding, Request, Result
from oda_bringup.gates.rates import draw, judged
from oda_bringup.study.results import outcomes
from oda_bringup.study.store import Store
from oda_bringup.study.unit import Done
from oda_policy.evaluate import success_rate

STAGE = "oracle"
MODE = "sampled"  # as the policies of the study act


def measure(request: Request) -> Result:
    """Judge the oracle's trials of oda reproduce (on all connectors, if none is named).

    Raises:
        SessionError: there are none.
    """
    goal = request.goals.rate
    findings = of_trials(Store(request.study).finished(STAGE, request.names), goal)
    return Result(
        findings,
        lambda: draw(findings, goal, "a policy that is told the true task"),
        {"study": str(request.study)},
    )


def of_trials(trials: Iterable[Done], goal: float) -> list[Finding]:
    """Judge finished units of the oracle's stage, each named by its connector."""
    return [judged(t.name, success_rate(outcomes(t.result, MODE)), goal) for t in trials]
