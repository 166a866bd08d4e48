"""Nodes as processes: what `ros2 run` would start, with the same --ros-args."""

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from oda_bringup.nodes import Graph, NodeSpec
from oda_bringup.session import PARAMETERS_FILE
from oda_bringup.supervisor import Command
from oda_core.errors import SessionError
from oda_core.files import write_atomic

ENVIRONMENT: Mapping[str, str] = {
    "PYTHONUNBUFFERED": "1",  # logs are complete when a process is killed
    "RCUTILS_COLORIZED_OUTPUT": "0",
}


def find_executable(package: str, executable: str) -> Path:
    """Installed executable of a ROS package, found on AMENT_PREFIX_PATH as ros2 run does.

    Raises:
        SessionError: it is not installed.
    """
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    for prefix in prefixes:
        path = Path(prefix, "lib", package, executable)
        if os.access(path, os.X_OK):
            return path
    raise SessionError(
        f"{package}/{executable}: not found in lib/ of any of the {len(prefixes)} prefixes on "
        "AMENT_PREFIX_PATH; build the workspace (make setup) and source scripts/env.sh"
    )


def commands(graph: Graph, session: Path) -> list[Command]:
    """Processes of a graph; their parameters and logs are files in the session directory.

    Raises:
        SessionError: an executable is not installed.
    """
    return [_command(node, session) for node in graph]


def enclave_arguments(node: NodeSpec) -> list[str]:
    """Where SROS2 finds the node's keys and permissions, if security is on (oda security)."""
    return ["--enclave", node.full_name]


def parameter_files(node: NodeSpec, session: Path) -> list[Path]:
    """Write the process's parameters into the session directory; with the user's file, if any."""
    path = session / "parameters" / f"{node.name}.yaml"
    nodes = {node.full_name: node.parameters, **node.inside}
    content = {name: {"ros__parameters": dict(values)} for name, values in nodes.items()}
    write_atomic(path, yaml.safe_dump(content, sort_keys=False))
    over = session / PARAMETERS_FILE
    return [*node.files, path, over] if over.exists() else [*node.files, path]


def _command(node: NodeSpec, session: Path) -> Command:
    rules = [f"__node:={node.name}", f"__ns:={node.namespace}"]
    rules += [f"{old}:={new}" for old, new in node.remappings]
    argv = [str(find_executable(node.package, node.executable)), *node.arguments, "--ros-args"]
    for rule in rules:
        argv += ["-r", rule]
    argv += enclave_arguments(node)
    for path in parameter_files(node, session):
        argv += ["--params-file", str(path)]
    logs = session / "logs"
    return Command(
        name=node.name,
        argv=tuple(argv),
        log=None if node.client else logs / f"{node.name}.log",
        client=node.client,
        once=node.once,
        environment={**ENVIRONMENT, "ROS_LOG_DIR": str(logs / "ros")},
    )
