"""oda adapt, demo, teleop, sim: run a graph of nodes under the supervisor, say how it ended."""

import math
import re
from collections import Counter
from typing import Any

from oda_bringup.cli.console import ERR, complain, say
from oda_bringup.cli.exits import Exit
from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.supervisor import Outcome

NUMBER = re.compile(r"\d+(\.\d+)?")  # stamps, episode numbers


def adapt(options: AdaptOptions) -> int:
    """Adapt on live nodes."""
    from oda_bringup.plans import ADAPT

    return run_plan(ADAPT, options)


def demo(options: DemoOptions) -> int:
    """Record demonstrations on live nodes."""
    from oda_bringup.plans import DEMO

    return run_plan(DEMO, options)


def teleop(options: TeleopOptions) -> int:
    """Record demonstrations by hand on live nodes."""
    from oda_bringup.plans import TELEOP

    return run_plan(TELEOP, options)


def sim(options: SimOptions) -> int:
    """Run the simulated cell until it is interrupted."""
    from oda_bringup.plans import SIM

    return run_plan(SIM, options)


def run_plan(plan: Any, options: Any) -> int:
    """Check the input, start the nodes, watch and stop them; the exit code."""
    from oda_bringup.domain import claimed_domain, stay_on_this_host
    from oda_bringup.ros_args import commands
    from oda_bringup.supervisor import supervise

    stay_on_this_host()
    with claimed_domain() as confirm:
        options = plan.check(options)
        confirm()
        session = plan.open(options)
        graph = plan.graph(options, session)
        say(f"session {session.directory}")
        say(f"nodes   {' '.join(node.full_name for node in graph)}; their logs are in logs/")
        return exit_code(supervise(commands(graph, session.directory), Notices()))


class Notices:
    """Warnings and errors of nodes; one that comes again is shown at the 10th, the 100th time."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()

    def __call__(self, name: str, line: str) -> None:
        """Show a line of a node's log."""
        kind = (name, NUMBER.sub("#", line))
        self._seen[kind] += 1
        count = self._seen[kind]
        if math.log10(count).is_integer():
            again = f" ({count} times so far)" if count > 1 else ""
            ERR.print(f"{name}: {line}{again}", style="yellow", markup=False)


def exit_code(outcome: Outcome) -> int:
    """Exit code of a graph that has ended; says why where it is not the client's own end."""
    if outcome.kind == "finished":
        return outcome.code
    if outcome.kind == "interrupted":
        say("interrupted; all nodes have ended")
        return Exit.INTERRUPTED
    how = f"signal {-outcome.code}" if outcome.code < 0 else f"exit code {outcome.code}"
    complain(f"node {outcome.name} ended with {how}; the other nodes were stopped")
    for line in outcome.tail:
        say(f"  {line}")
    if outcome.log is not None:
        say(f"its whole log: {outcome.log}")
    return Exit.NODE_DIED
