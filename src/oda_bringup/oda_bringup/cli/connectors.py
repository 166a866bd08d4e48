"""oda connectors: what can be inserted, and whether a new one can be."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from oda_bringup.cli.console import OUT, table
from oda_bringup.cli.exits import Exit
from oda_core.errors import ConfigError
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class ConnectorsOptions:
    """List the shipped connectors, show one as YAML, or check a YAML file of your own.

    A check builds the simulation and lets the scripted operator insert it, and push straight ahead
    without a search: what an operator cannot do, no policy will learn from him, and what a straight
    push does needs no policy. The exit code is 1 when most of the operator's trials fail.

    Example: oda connectors show round-peg-10 > my_plug.yaml && oda connectors check my_plug.yaml
    """

    action: Annotated[Literal["list", "show", "check"], tyro.conf.Positional] = setting(
        "list", "what to do"
    )
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = setting((), "names or YAML files")
    trials: int = setting(10, "insertions of a check")
    seed: int = setting(0, "of a check")


def run(options: ConnectorsOptions) -> int:
    """List, show or check."""
    if options.action == "list":
        return _list()
    if not options.names:
        raise ConfigError(f"connectors {options.action}: found no name, expected at least one")
    return _show(options) if options.action == "show" else _check(options)


def _list() -> int:
    from oda_sim.connector import list_connectors, load_connector

    loaded = [load_connector(name) for name in list_connectors()]
    rows = [(c.name, c.split, c.family, c.source) for c in sorted(loaded, key=_order)]
    table(("connector", "split", "family", "dimensions from"), rows)
    return Exit.OK


def _order(connector: Any) -> tuple[int, str]:
    return ("train", "test", "challenge").index(connector.split), connector.name


def _show(options: ConnectorsOptions) -> int:
    from oda_sim.connector import dump_connector, load_connector

    for name in options.names:
        OUT.print(dump_connector(load_connector(name)), markup=False, end="")
    return Exit.OK


def _check(options: ConnectorsOptions) -> int:
    from oda_bringup.collect import attempts
    from oda_sim.connector import load_connector
    from oda_sim.env import InsertionEnv
    from oda_sim.operator import STRAIGHT

    rows, good = [], True
    for name in options.names:
        env = InsertionEnv(load_connector(name), simulate_reset=False)
        tried = [r.episode for r in attempts(env, options.trials, options.seed, "check")]
        wins = [episode for episode in tried if episode.success]
        pushed = [
            r.episode for r in attempts(env, options.trials, options.seed, "straight", STRAIGHT)
        ]
        lucky = sum(episode.success for episode in pushed)
        steps = sorted(len(episode) for episode in wins)
        force = max(episode.end.peak_force_n for episode in tried)
        good &= 2 * len(wins) > len(tried)
        median = f"{steps[len(steps) // 2] / 10:.1f} s" if steps else "-"
        forces = f"{force:.0f} of {env.connector.limits.damage_n:g} N"
        inserted = (f"{len(wins)}/{len(tried)}", f"{lucky}/{len(pushed)}")
        rows.append((env.connector.name, *inserted, median, forces))
    table(
        ("connector", "inserted by the operator", "by a straight push", "median", "peak of damage"),
        rows,
    )
    return Exit.OK if good else Exit.NOT_ACCEPTED
