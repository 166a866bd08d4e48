"""z has not collapsed: it holds information, and it tells where the socket lies."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from oda_bringup.gates import Finding, Goals, Request, Result
from oda_bringup.study.data import LATERAL
from oda_bringup.study.store import Store
from oda_bringup.study.unit import Done
from oda_core.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGE = "map"
METHOD = "oda-best"  # whose task codes are judged


def measure(request: Request) -> Result:
    """Judge the maps of oda reproduce (those of METHOD, if no checkpoint is named).

    Raises:
        SessionError: there are none.
        ConfigError: there are some, but none of METHOD.
    """
    found = Store(request.study).finished(STAGE, request.names)
    maps = [m for m in found if request.names or m.name.startswith(f"{METHOD}-")]
    if not maps:
        raise ConfigError(
            f"{request.study / STAGE}: found {', '.join(m.name for m in found)}, expected maps of "
            f"{METHOD}; name one of these, or make those with oda reproduce --only {STAGE}"
        )
    findings = of_maps(maps, request.goals)
    return Result(findings, lambda: draw(findings, request.goals), {"study": str(request.study)})


def of_maps(maps: Iterable[Done], goals: Goals) -> list[Finding]:
    """Judge each map by its smallest KL and by the R² of a probe for the lateral offset."""
    return [finding for m in maps for finding in (_information(m, goals), _offset(m, goals))]


def _information(done: Done, goals: Goals) -> Finding:
    kl = dict(zip(done.result["connectors"], done.result["kl_nats"], strict=True))
    worst = min(kl, key=lambda name: kl[name])
    return Finding(
        subject=f"{done.name} least KL",
        value=f"{kl[worst]:.2f} nats ({worst})",
        goal=f">= {goals.kl_nats:g} nats",
        passed=kl[worst] >= goals.kl_nats,
        data={"checkpoint": done.name, "kl_nats": kl},
    )


def _offset(done: Done, goals: Goals) -> Finding:
    r2 = done.result["r2"]
    mean = sum(r2[name] for name in LATERAL) / len(LATERAL)
    return Finding(
        subject=f"{done.name} mean R² of the lateral offset",
        value=f"{mean:.2f}",
        goal=f">= {goals.r2:g}",
        passed=mean >= goals.r2,
        data={"checkpoint": done.name, "r2": dict(r2)},
    )


def draw(findings: Sequence[Finding], goals: Goals) -> "Figure":
    """For each checkpoint the KL of every connector and the R² of every true parameter."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _dots(left, findings, "kl_nats", goals.kl_nats)
    _dots(right, findings, "r2", goals.r2)
    left.set(xlabel="KL of the task code [nats]", xlim=(0, None))
    right.set(xlabel="R² of a linear probe; the goal is for the lateral offset", xlim=(None, 1.02))
    figure.legend(*left.get_legend_handles_labels(), ncols=4, loc="outside upper center")
    return figure


def _dots(axes: "Axes", findings: Sequence[Finding], figure: str, goal: float) -> None:
    for finding in findings:
        if values := finding.data.get(figure):
            label = finding.data["checkpoint"]
            axes.plot(list(values.values()), list(values), "o", label=label, alpha=0.7)
    axes.axvline(goal, color="black", linestyle="--", linewidth=1)
    axes.grid(axis="y", alpha=0.3)
    axes.invert_yaxis()
