"""The enclaves of every graph: one per process, with what its nodes may do and nothing else."""

from collections.abc import Iterable
from pathlib import Path

from oda_bringup.graph import NAMESPACE, Graph, adapt_graph, demo_graph, sim_graph
from oda_bringup.options import ROBOTS, AdaptOptions, DemoOptions, SimOptions
from oda_bringup.security.interfaces import (
    ADAPT,
    LOG,
    RECORDED,
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
            *RECORDED, topics.DIAGNOSTICS, topics.TCP_POSE, topics.TRAINER, topics.CLOCK, LOG,
            "/tf", "/tf_static", f"{NAMESPACE}/robot_description", f"{ADAPT}/_action/feedback",
            f"{ADAPT}/_action/status",
        ),
        calls=(topics.START, topics.STOP, topics.TARE, *VERDICTS),
    ),
}  # fmt: skip


def graphs(robot: str) -> list[Graph]:
    """Every graph of a robot, with every node that may run in it."""
    session = Session(Path("session"), "any")
    return [
        adapt_graph(AdaptOptions(robot=robot, record=True), session),
        demo_graph(DemoOptions(robot=robot), session),
        sim_graph(SimOptions(robot=robot), session),
    ]


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
