"""The nodes as data. Both front ends, `ros2 launch` and the oda command, run what is described.

A graph is a tuple of nodes. The end of its client, if it has one, ends the graph; the end of any
other node is a failure, unless it was there to do one thing and has done it. The robot is one part
of every graph: the simulation, or the nodes of ros2_control and the one that brings the arm back to
its start. Nothing else differs between them.
"""

from collections.abc import Mapping

from oda_bringup.nodes import Graph, NodeSpec, Value
from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.robot_nodes import AnyOptions, clock_of, robot_nodes
from oda_bringup.session import Session
from oda_teleop.hand import MOTION

OF_GOAL = ("seed", "trials", "max_training_episodes", "max_robot_minutes")
STEADY_S = 60.0  # a stick at its end and a held key do not tremble as a mouse in a hand does
SHOULDER = 4  # the left one of a gamepad, which leaves the thumbs free


def adapt_graph(options: AdaptOptions, session: Session) -> Graph:
    """Nodes of an adaptation, with the options that prepare_adapt returns."""
    goal = {
        "connector": session.connector,
        "demonstrations": options.demos,
        "output": str(session.directory),
        **{name: getattr(options, name) for name in OF_GOAL},
    }
    clock = clock_of(options)
    learning = {**clock, "checkpoint": options.checkpoint, "preset": options.preset}
    evaluating = {**clock, "preset": options.preset, "start_noise_m": session.start_noise_m}
    return _running(
        *robot_nodes(options, session),
        _arbiter(options, session),
        NodeSpec(package="oda_policy", executable="policy_node", name="policy", parameters=clock),
        NodeSpec(
            package="oda_policy",
            executable="trainer_node",
            name="trainer",
            parameters=learning,
            condition=options.trainer == "here",
        ),
        NodeSpec(
            package="oda_policy",
            executable="adapt_node",
            name="adapt",
            parameters=evaluating,
        ),
        *_device(options.device, session, clock),
        _recorder(session, clock, options.record),
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
    clock = clock_of(options)
    return _running(
        *robot_nodes(options, session),
        _arbiter(options, session),
        NodeSpec(
            package="oda_sim",
            executable="operator_node",
            name="operator",
            parameters={**clock, "connector": str(session.connector_file)},
        ),
        _recorder(session, clock),
        NodeSpec(
            package="oda_teleop",
            executable="demo_node",
            name="demo",
            parameters=_recording(options, session, options.episodes),
            client=True,
        ),
    )


def teleop_graph(options: TeleopOptions, session: Session) -> Graph:
    """Nodes of demonstrations by hand; the guide is the client."""
    clock = clock_of(options)
    return _running(
        *robot_nodes(options, session),
        _arbiter(options, session),
        *_device(options.device, session, clock, options.mishaps),
        _recorder(session, clock),
        NodeSpec(
            package="oda_teleop",
            executable="guide_node",
            name="guide",
            parameters={
                **_recording(options, session, options.demos),
                "max_steps": options.max_steps,
            },
            client=True,
        ),
    )


def sim_graph(options: SimOptions, session: Session) -> Graph:
    """The robot and the arbiter."""
    return _running(*robot_nodes(options, session), _arbiter(options, session))


def _recording(
    options: DemoOptions | TeleopOptions, session: Session, episodes: int
) -> Mapping[str, Value]:
    """Parameters of whoever owns the episodes of a recording."""
    return {
        **clock_of(options),
        "connector": session.connector,
        "episodes": episodes,
        "seed": options.seed,
        "session": session.directory.name,
        "start_noise_m": session.start_noise_m,
    }


def _running(*nodes: NodeSpec) -> Graph:
    return tuple(node for node in nodes if node.condition)


def _arbiter(options: AnyOptions, session: Session) -> NodeSpec:
    senses: Mapping[str, Value] = {"stuck_s": 0.0} if options.robot == "mock" else {}
    return NodeSpec(
        package="oda_teleop",
        executable="arbiter_node",
        name="arbiter",
        parameters={
            **clock_of(options),
            "lockstep": options.lockstep and options.robot == "sim",
            "limits.force_n": session.damage_n,
            **senses,  # mock hardware feels nothing
        },
    )


def _device(name: str, session: Session, clock: Mapping[str, Value], mishaps: str = "") -> Graph:
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
            parameters={**clock, **follows},
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


def _recorder(session: Session, clock: Mapping[str, Value], wanted: bool = True) -> NodeSpec:
    return NodeSpec(
        package="oda_teleop",
        executable="recorder_node",
        name="recorder",
        parameters={
            **clock,
            "output": str(session.directory / "bag"),
            "ledger": str(session.directory / "episodes.json"),
        },
        condition=wanted,
    )
