"""Success rates against a goal, one finding per connector: what the gates of success share."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from oda_bringup.collect import QUALITY
from oda_bringup.gates import Finding, Request
from oda_bringup.quality import Quality
from oda_core.errors import ConfigError
from oda_policy.evaluate import Rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def judged(connector: str, rate: Rate, goal: float, **data: Any) -> Finding:
    """One connector's rate against the least that it should be; data: more numbers to keep."""
    return Finding(
        subject=connector,
        value=f"{rate.successes}/{rate.trials} ({rate.low:.1%} to {rate.high:.1%})",
        goal=f">= {goal:.0%}",
        passed=rate.value >= goal,
        data={**rate._asdict(), **data},
    )


def of_data(qualities: Iterable[Quality], goal: float) -> list[Finding]:
    """Judge whoever made a part of the training data."""
    return [
        judged(q.connector, q.rate, goal, seed=q.seed, mean_steps=q.mean_steps, curve=list(q.curve))
        for q in qualities
    ]


def read(request: Request, part: str) -> list[Finding]:
    """Judge what oda collect counted of each task, all if none is named.

    Args:
        request: which tasks, where their bags are, and the goal.
        part: of the data: demos or ddpgfd.

    Raises:
        ConfigError: there are none, or one is missing or damaged.
    """
    named = [request.bags / name / f"{part}{QUALITY}" for name in request.names]
    files = named or sorted(request.bags.glob(f"*/{part}{QUALITY}"))
    if not files:
        raise ConfigError(
            f"{request.bags}: found no */{part}{QUALITY}; make them with oda collect --trials 100"
        )
    return of_data((Quality.load(file) for file in files), request.goals.rate)


def draw(findings: Sequence[Finding], goal: float, who: str) -> "Figure":
    """A bar per connector with its 95 % interval, and the goal."""
    from matplotlib.figure import Figure  # takes a second to load

    data = [f.data for f in findings]
    rates = [d["successes"] / max(d["trials"], 1) for d in data]
    errors = [
        [rate - d["low"] for rate, d in zip(rates, data, strict=True)],
        [d["high"] - rate for rate, d in zip(rates, data, strict=True)],
    ]
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(data)), layout="constrained")
    axes = figure.subplots()
    colours = ["#1a7f5a" if f.passed else "#b3372f" for f in findings]
    axes.barh([f.subject for f in findings], rates, xerr=errors, color=colours, ecolor="#5c6b7a")
    axes.axvline(goal, color="black", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 1.02), xlabel=f"inserted by {who}, 95 % interval")
    axes.invert_yaxis()
    return figure


def running_mean(values: Sequence[int], width: int) -> list[float]:
    """Mean of the newest width values at each place, of fewer at the beginning."""
    newest = (values[max(0, i + 1 - width) : i + 1] for i in range(len(values)))
    return [sum(part) / len(part) for part in newest]
