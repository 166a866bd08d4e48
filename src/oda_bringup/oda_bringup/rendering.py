"""The graph for `ros2 launch`: launch arguments from an options dataclass, nodes from the data."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from oda_bringup.domain import claimed_domain, stay_on_this_host
from oda_bringup.nodes import NodeSpec
from oda_bringup.options import arguments, from_texts
from oda_bringup.plans import Plan
from oda_bringup.ros_args import ENVIRONMENT, enclave_arguments, parameter_files
from oda_core.errors import OdaError


class GraphError(OdaError):
    """A node ended the graph in a way that makes the launch fail."""


def launch_description(plan: Plan, **fixed: str) -> LaunchDescription:
    """Everything a launch file has to return.

    Args:
        plan: options, checks and graph of one kind of session.
        fixed: options that this launch file decides, which are then no launch arguments.
    """
    declared = [
        DeclareLaunchArgument(
            a.name,
            default_value=a.default,
            description=a.description,
            choices=list(a.choices) or None,
        )
        for a in arguments(plan.schema)
        if a.name not in fixed
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start(plan, fixed))])


def _start(plan: Plan, fixed: Mapping[str, str]) -> Callable[[LaunchContext], list[Action]]:
    def start(context: LaunchContext) -> list[Action]:
        asked = [a.name for a in arguments(plan.schema) if a.name not in fixed]
        texts = {name: LaunchConfiguration(name).perform(context) for name in asked} | fixed
        stay_on_this_host()
        claim = ExitStack()
        confirm = claim.enter_context(claimed_domain())
        release = RegisterEventHandler(OnShutdown(on_shutdown=lambda *_: claim.close()))
        try:
            options = plan.check(from_texts(plan.schema, texts, "launch arguments"))
            confirm()
            session = plan.open(options)
            graph = plan.graph(options, session)
        except BaseException:
            claim.close()
            raise
        nodes = [node_action(spec, parameter_files(spec, session.directory)) for spec in graph]
        watches = [_watch(spec, node) for spec, node in zip(graph, nodes, strict=True)]
        return [release, *watches, *nodes]

    return start


def node_action(spec: NodeSpec, parameters: list[Path]) -> Node:
    """The launch action of a node, which starts what the supervisor starts."""
    return Node(
        package=spec.package,
        executable=spec.executable,
        name=spec.name,
        namespace=spec.namespace,
        arguments=list(spec.arguments),
        ros_arguments=enclave_arguments(spec),
        parameters=[str(path) for path in parameters],
        remappings=list(spec.remappings),
        additional_env=dict(ENVIRONMENT),
        output="screen",
    )


def _watch(spec: NodeSpec, node: Node) -> RegisterEventHandler:
    def ended(event: ProcessExited, context: LaunchContext) -> Any:
        if context.is_shutdown or (spec.once and event.returncode == 0):
            return None
        if spec.client and event.returncode == 0:
            return EmitEvent(event=Shutdown(reason=f"{spec.name} has finished"))
        # launch returns 0 after a plain Shutdown; an error makes it stop everything and return 1
        raise GraphError(f"{spec.full_name} ended with exit code {event.returncode}")

    return RegisterEventHandler(OnProcessExit(target_action=node, on_exit=ended))
