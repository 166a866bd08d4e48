"""Every connector is observable: a searcher that sees what the policy sees inserts it.

The scripted operator knows pose, twist, wrench and the nominal pose, not the hidden noise. What it
cannot do from these, no policy can learn from them.
"""

from functools import partial

from oda_bringup.collect import attempts
from oda_bringup.gates import Finding, Request, Result
from oda_bringup.gates.rates import draw, judged
from oda_bringup.parallel import each
from oda_policy.evaluate import success_rate
from oda_sim.connector import Connector, list_connectors, load_connector
from oda_sim.env import InsertionEnv


def measure(request: Request) -> Result:
    """Let the operator insert each connector (all, if none is named)."""
    trials, seed, goal = request.trials, request.seed, request.goals.rate
    work = partial(insertions, trials=trials, seed=seed, goal=goal)
    connectors = [load_connector(name) for name in request.names or list_connectors()]
    findings = each(request.jobs, work, connectors)
    return Result(
        findings,
        lambda: draw(findings, goal, "the scripted operator"),
        {"trials": trials, "seed": seed},
    )


def insertions(connector: Connector, trials: int, seed: int, goal: float) -> Finding:
    """Trials of the operator on one connector."""
    env = InsertionEnv(connector, simulate_reset=False)
    tried = [r.episode for r in attempts(env, trials, seed, "observable")]
    steps = sorted(len(episode) for episode in tried if episode.success)
    return judged(
        connector.name,
        success_rate([episode.success for episode in tried]),
        goal,
        median_steps=steps[len(steps) // 2] if steps else None,
        peak_force_n=max(episode.end.peak_force_n for episode in tried),
        damage_n=connector.limits.damage_n,
    )
