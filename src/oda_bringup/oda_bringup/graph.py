"""The nodes as data. Both front ends, `ros2 launch` and the oda command, run what is described.

A graph is a tuple of nodes. The end of its client, if it has one, ends the graph; the end of any
other node is a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.session import Session
from oda_teleop.hand import MOTION

NAMESPACE = "/oda"
Value = bool | int | float | str | list[str]
AnyOptions = AdaptOptions | DemoOptions | SimOptions | TeleopOptions
OF_GOAL = ("seed", "trials", "max_training_episodes", "max_robot_minutes")
STEADY_S = 60.0  # a stick at its end and a held key do not tremble as a mouse in a hand does
SHOULDER = 4  # the left one of a gamepad, which leaves the thumbs free
CLOCK: Mapping[str, Value] = {"use_sim_time": True}  # the simulation publishes /clock


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """One node: what `ros2 run PACKAGE EXECUTABLE --ros-args ...` needs."""

    package: str
    executable: str
    name: str
    namespace: str = NAMESPACE
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    condition: bool = True  # false: described, but not started with these options
    client: bool = False  # its end ends the graph, with its exit code

    @property
    def full_name(self) -> str:
        """Name in the ROS graph."""
        return f"{self.namespace}/{self.name}"


Graph = tuple[NodeSpec, ...]


def adapt_graph(options: AdaptOptions, session: Session) -> Graph:
    """Nodes of an adaptation, with the options that prepare_adapt returns."""
    goal = {
        "connector": session.connector,
        "demonstrations": options.demos,
        "output": str(session.directory),
        **{name: getattr(options, name) for name in OF_GOAL},
    }
    return _running(
        _sim(options, session),
        _arbiter(options),
        NodeSpec(package="oda_policy", executable="policy_node", name="policy", parameters=CLOCK),
        NodeSpec(
            package="oda_policy",
            executable="trainer_node",
            name="trainer",
            parameters={**CLOCK, "checkpoint": options.checkpoint, "preset": options.preset},
        ),
        NodeSpec(
            package="oda_policy",
            executable="adapt_node",
            name="adapt",
            parameters={
                **CLOCK,
                "preset": options.preset,
                "start_noise_m": session.start_noise_m,
            },
        ),
        *_device(options.device, session),
        _recorder(session, options.record),
        NodeSpec(
            package="oda_bringup",
            executable="adapt_client",
            name="adapt_client",
            parameters=goal,
            client=True,
        ),
    )


def demo_graph(options: DemoOptions, session: Session) -> Graph:
    """Nodes of a recording of the scripted operator; the demo node is the client."""
    return _running(
        _sim(options, session),
        _arbiter(options),
        NodeSpec(
            package="oda_sim",
            executable="operator_node",
            name="operator",
            parameters={**CLOCK, "connector": str(session.connector_file)},
        ),
        _recorder(session, True),
        NodeSpec(
            package="oda_teleop",
            executable="demo_node",
            name="demo",
            parameters={
                **CLOCK,
                "connector": session.connector,
                "episodes": options.episodes,
                "seed": options.seed,
                "session": session.directory.name,
                "start_noise_m": session.start_noise_m,
            },
            client=True,
        ),
    )


def teleop_graph(options: TeleopOptions, session: Session) -> Graph:
    """Nodes of demonstrations by hand; the guide is the client."""
    return _running(
        _sim(options, session),
        _arbiter(options),
        *_device(options.device, session, options.mishaps),
        _recorder(session, True),
        NodeSpec(
            package="oda_teleop",
            executable="guide_node",
            name="guide",
            parameters={
                **CLOCK,
                "connector": session.connector,
                "episodes": options.demos,
                "max_steps": options.max_steps,
                "seed": options.seed,
                "session": session.directory.name,
                "start_noise_m": session.start_noise_m,
            },
            client=True,
        ),
    )


def sim_graph(options: SimOptions, session: Session) -> Graph:
    """The simulated cell and the arbiter."""
    return _running(_sim(options, session), _arbiter(options))


def _running(*nodes: NodeSpec) -> Graph:
    return tuple(node for node in nodes if node.condition)


def _sim(options: AnyOptions, session: Session) -> NodeSpec:
    return NodeSpec(
        package="oda_sim",
        executable="sim_node",
        name="sim",
        parameters={
            "connector": str(session.connector_file),
            "seed": options.seed,
            "lockstep": options.lockstep,
            "realtime_factor": options.realtime_factor,
            "headless": options.headless,
        },
    )


def _arbiter(options: AnyOptions) -> NodeSpec:
    return NodeSpec(
        package="oda_teleop",
        executable="arbiter_node",
        name="arbiter",
        parameters={**CLOCK, "lockstep": options.lockstep},
    )


def _device(name: str, session: Session, mishaps: str = "") -> tuple[NodeSpec, ...]:
    """The teleoperation node, and the driver of what the person holds if it is one of ours."""
    gamepad = name in ("gamepad", "joy")
    follows: dict[str, Value] = {"device": "joy" if gamepad else "spacenav"}
    if gamepad:
        follows |= {"deadman_button": SHOULDER, "frozen_s": STEADY_S}
    elif name == "keyboard":
        follows |= {"deadman_button": MOTION, "frozen_s": STEADY_S}
    return (
        NodeSpec(
            package="oda_teleop",
            executable="teleop_node",
            name="teleop",
            parameters={**CLOCK, **follows},
            condition=name != "none",
        ),
        NodeSpec(
            package="oda_teleop",
            executable="spacenav_node",
            name="spacenav",
            condition=name == "spacemouse",
        ),
        NodeSpec(
            package="oda_teleop",
            executable="gamepad_node",
            name="gamepad",
            condition=name == "gamepad",
        ),
        NodeSpec(
            package="oda_bringup",
            executable="scripted_mouse",
            name="scripted_mouse",
            parameters={"connector": str(session.connector_file), "mishaps": mishaps},
            condition=name == "scripted",
        ),
    )


def _recorder(session: Session, wanted: bool) -> NodeSpec:
    return NodeSpec(
        package="oda_teleop",
        executable="recorder_node",
        name="recorder",
        parameters={**CLOCK, "output": str(session.directory / "bag")},
        condition=wanted,
    )
