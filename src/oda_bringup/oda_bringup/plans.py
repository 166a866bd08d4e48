"""What both front ends run: for each kind of session its options, checks, directory and graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oda_bringup.graph import adapt_graph, demo_graph, sim_graph, teleop_graph
from oda_bringup.nodes import Graph
from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.session import Session, check_adapt, check_demo, check_sim, open_session


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A kind of session."""

    schema: type[Any]
    check: Callable[[Any], Any]  # completes the options, raises OdaError
    graph: Callable[[Any, Session], Graph]
    open: Callable[[Any], Session] = open_session


ADAPT = Plan(schema=AdaptOptions, check=check_adapt, graph=adapt_graph)
DEMO = Plan(schema=DemoOptions, check=check_demo, graph=demo_graph)
SIM = Plan(schema=SimOptions, check=check_sim, graph=sim_graph)
TELEOP = Plan(schema=TeleopOptions, check=check_demo, graph=teleop_graph)
