"""oda connectors: what can be inserted, and whether a new one can be."""

from dataclasses import dataclass
from pathlib import Path
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
    """List the shipped connectors, show one as YAML, check a YAML file of your own, or draw some.

    A check builds the simulation and lets the scripted operator insert it, and push straight ahead
    without a search: what an operator cannot do, no policy will learn from him, and what a straight
    push does needs no policy. The exit code is 1 when most of the operator's trials fail.

    Drawn connectors are new at random in layout, size, play, depth, springs and place: they show
    what a checkpoint does with something that it was never trained on, or train it.

    Example: oda connectors show round-peg-10 > my_plug.yaml && oda connectors check my_plug.yaml

    Example: oda connectors draw --count 14 --output data/drawn
    """

    action: Annotated[Literal["list", "show", "check", "draw"], tyro.conf.Positional] = setting(
        "list", "what to do"
    )
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = setting(
        (), "names or YAML files; families to draw from, none: all"
    )
    trials: int = setting(10, "insertions of a check")
    seed: int = setting(0, "of a check or drawing")
    count: int = setting(7, "connectors to draw")
    output: str = setting("", "directory of drawn YAML files")


def run(options: ConnectorsOptions) -> int:
    """List, show, check or draw."""
    if options.action == "list":
        return _list()
    if options.action == "draw":
        return _draw(options)
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


def _draw(options: ConnectorsOptions) -> int:
    import numpy as np

    from oda_sim.connector import dump_connector
    from oda_sim.drawings import FAMILIES, draw

    families = options.names or tuple(FAMILIES)
    if unknown := sorted(set(families) - set(FAMILIES)):
        raise ConfigError(
            f"families: found {', '.join(unknown)}, expected some of {', '.join(FAMILIES)}"
        )
    if not options.output:
        raise ConfigError("output: found nothing, expected a directory for the drawn connectors")
    paths = [
        Path(options.output) / f"{families[i % len(families)]}-{i:02d}.yaml"
        for i in range(options.count)
    ]
    if there := [str(path) for path in paths if path.exists()]:
        raise ConfigError(f"{there[0]}: exists already; choose another output")
    Path(options.output).mkdir(parents=True, exist_ok=True)
    for i, path in enumerate(paths):
        rng = np.random.default_rng([options.seed, i])
        path.write_text(dump_connector(draw(families[i % len(families)], rng, path.stem)))
    OUT.print(f"{len(paths)} connectors in {options.output}")
    return Exit.OK
