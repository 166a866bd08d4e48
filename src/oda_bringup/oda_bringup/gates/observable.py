"""Every connector is observable: a searcher that sees what the policy sees inserts it.

The scripted operator knows pose, twist, wrench and the nominal pose, not the hidden noise. What it
cannot do from these, no policy can learn from them.
"""

from typing import TYPE_CHECKING, Any

from oda_bringup.gates import Finding, Request, Result
from oda_bringup.parallel import workers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GOAL = 0.95


def measure(request: Request) -> Result:
    """Let the operator insert each connector (all, if none is named)."""
    from oda_sim.connector import list_connectors

    names = request.names or tuple(list_connectors())
    with workers(request.jobs) as pool:
        asked = [pool.submit(insertions, name, request.trials, request.seed) for name in names]
        findings = [_finding(future.result()) for future in asked]
    return Result(findings, lambda: draw(findings))


def insertions(name: str, trials: int, seed: int) -> dict[str, Any]:
    """Trials of the operator on one connector."""
    from oda_bringup.collect import attempts
    from oda_policy.evaluate import success_rate
    from oda_sim.connector import load_connector
    from oda_sim.env import InsertionEnv

    env = InsertionEnv(load_connector(name), simulate_reset=False)
    tried = [r.episode for r in attempts(env, trials, seed, "observable")]
    steps = sorted(len(episode) for episode in tried if episode.success)
    return {
        "connector": env.connector.name,
        **success_rate([episode.success for episode in tried])._asdict(),
        "median_steps": steps[len(steps) // 2] if steps else None,
        "peak_force_n": max(episode.end.peak_force_n for episode in tried),
        "damage_n": env.connector.limits.damage_n,
    }


def _finding(data: dict[str, Any]) -> Finding:
    wins, trials = data["successes"], data["trials"]
    return Finding(
        subject=data["connector"],
        value=f"{wins}/{trials} ({data['low']:.0%} to {data['high']:.0%})",
        goal=f">= {GOAL:.0%}",
        passed=wins >= GOAL * trials,
        data=data,
    )


def draw(findings: list[Finding]) -> "Figure":
    """A bar per connector with its 95 % interval."""
    from matplotlib.figure import Figure

    data = [f.data for f in findings]
    rates = [d["successes"] / d["trials"] for d in data]
    errors = [
        [rate - d["low"] for rate, d in zip(rates, data, strict=True)],
        [d["high"] - rate for rate, d in zip(rates, data, strict=True)],
    ]
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(data)), layout="constrained")
    axes = figure.subplots()
    colours = ["#1a7f5a" if f.passed else "#b3372f" for f in findings]
    axes.barh([d["connector"] for d in data], rates, xerr=errors, color=colours, ecolor="#5c6b7a")
    axes.axvline(GOAL, color="black", linestyle="--", linewidth=1)
    axes.set(xlim=(0.5, 1.01), xlabel="inserted by the scripted operator, 95 % interval")
    axes.invert_yaxis()
    return figure
