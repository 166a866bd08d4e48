"""What describes a node and a graph of nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NAMESPACE = "/oda"
Value = bool | int | float | str | list[str]


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """One node: what `ros2 run PACKAGE EXECUTABLE --ros-args ...` needs."""

    package: str
    executable: str
    name: str
    namespace: str = NAMESPACE
    arguments: tuple[str, ...] = ()  # before --ros-args
    files: tuple[Path, ...] = ()  # of parameters, which those below overrule
    parameters: Mapping[str, Value] = field(default_factory=dict)
    inside: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)  # of others in it
    remappings: tuple[tuple[str, str], ...] = ()
    condition: bool = True  # false: described, but not started with these options
    client: bool = False  # its end ends the graph, with its exit code
    once: bool = False  # it does one thing and ends

    @property
    def full_name(self) -> str:
        """Name in the ROS graph."""
        return f"{self.namespace}/{self.name}"


Graph = tuple[NodeSpec, ...]
