"""The enclaves of every graph: one per process, with what its nodes may do and nothing else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oda_bringup import plans
from oda_bringup.nodes import NAMESPACE, Graph
from oda_bringup.options import ROBOTS, arguments
from oda_bringup.security.interfaces import (
    ADAPT,
    LOG,
    MOUSE,
    RECORDED,
    RECORDING,
    VERDICTS,
    Endpoints,
    Interfaces,
    endpoints_of,
)
from oda_bringup.security.permissions import Grant, grant
from oda_bringup.session import Session
from oda_core import topics

PERSON = f"{NAMESPACE}/person"
TOOLS: dict[str, Interfaces] = {
    f"{NAMESPACE}/probe": Interfaces(),  # looks for other graphs on the domain
    f"{NAMESPACE}/doctor": Interfaces(
        subscribes=(*RECORDED, topics.DIAGNOSTICS, topics.TCP_POSE, topics.TRAINER, topics.CLOCK)
    ),
    # `ros2 topic echo`, `ros2 service call`, RViz: ROS_SECURITY_ENCLAVE_OVERRIDE=/oda/person
    PERSON: Interfaces(
        subscribes=(
            *RECORDED, topics.DISCARD, topics.DIAGNOSTICS, topics.TCP_POSE, topics.TRAINER,
            topics.CLOCK, LOG, "/tf", "/tf_static", f"{NAMESPACE}/robot_description",
            f"{ADAPT}/_action/feedback", f"{ADAPT}/_action/status",
        ),
        calls=(topics.START, topics.STOP, topics.TARE, *VERDICTS, topics.BEGIN, *RECORDING),
    ),
    f"{NAMESPACE}/keyboard": Interfaces(publishes=MOUSE),  # runs in a terminal of its own
}  # fmt: skip


def graphs(robot: str) -> list[Graph]:
    """Every graph of a robot: of each kind of session, with each device that a person may hold."""
    session = Session(Path("session"), "any")
    return [
        plan.graph(options, session)
        for plan in vars(plans).values()
        if isinstance(plan, plans.Plan)
        for options in _variants(plan.schema, robot)
    ]


def _variants(schema: type[Any], robot: str) -> list[Any]:
    """Options that bring every node into the graph: recording, in real time, any device."""
    names = {argument.name: argument for argument in arguments(schema)}
    every = {"robot": robot, "lockstep": False, "record": True}
    wanted = {name: value for name, value in every.items() if name in names}
    devices = names["device"].choices if "device" in names else ()
    return [schema(**wanted, device=device) for device in devices] or [schema(**wanted)]


def enclaves(robots: Iterable[str] = ROBOTS) -> dict[str, Grant]:
    """Permissions by enclave: of all graphs of these robots, and of the tools beside them."""
    nodes: dict[str, list[Endpoints]] = {}
    for robot in robots:
        for graph in graphs(robot):
            for node in graph:
                nodes.setdefault(node.full_name, []).append(endpoints_of(node))
    for name, tool in TOOLS.items():
        nodes[name] = [tool.of(name, use_sim_time=False)]
    return {name: grant(name, used) for name, used in sorted(nodes.items())}
