"""The nodes as data. Both front ends, `ros2 launch` and the oda command, run what is described.

A graph is a tuple of nodes. The end of its client, if it has one, ends the graph; the end of any
other node is a failure, unless it was there to do one thing and has done it. The robot is one part
of every graph: the simulation, or the nodes of ros2_control and the one that brings the arm back to
its start. Nothing else differs between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.robot import SIMULATED, controller_files
from oda_bringup.session import Session
from oda_teleop.hand import MOTION

NAMESPACE = "/oda"
Value = bool | int | float | str | list[str]
AnyOptions = AdaptOptions | DemoOptions | SimOptions | TeleopOptions
OF_GOAL = ("seed", "trials", "max_training_episodes", "max_robot_minutes")
STEADY_S = 60.0  # a stick at its end and a held key do not tremble as a mouse in a hand does
SHOULDER = 4  # the left one of a gamepad, which leaves the thumbs free
CONTROLLER = "tcp_twist_impedance_controller"
BROADCASTERS = {"mock": (), "hardware": ("lbr_state_broadcaster",)}  # besides that of the joints


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


def adapt_graph(options: AdaptOptions, session: Session) -> Graph:
    """Nodes of an adaptation, with the options that prepare_adapt returns."""
    goal = {
        "connector": session.connector,
        "demonstrations": options.demos,
        "output": str(session.directory),
        **{name: getattr(options, name) for name in OF_GOAL},
    }
    clock = _clock(options)
    learning = {**clock, "checkpoint": options.checkpoint, "preset": options.preset}
    evaluating = {**clock, "preset": options.preset, "start_noise_m": session.start_noise_m}
    return _running(
        *_robot(options, session),
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
    clock = _clock(options)
    return _running(
        *_robot(options, session),
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
    clock = _clock(options)
    return _running(
        *_robot(options, session),
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
    return _running(*_robot(options, session), _arbiter(options, session))


def _recording(
    options: DemoOptions | TeleopOptions, session: Session, episodes: int
) -> Mapping[str, Value]:
    """Parameters of whoever owns the episodes of a recording."""
    return {
        **_clock(options),
        "connector": session.connector,
        "episodes": episodes,
        "seed": options.seed,
        "session": session.directory.name,
        "start_noise_m": session.start_noise_m,
    }


def _running(*nodes: NodeSpec) -> Graph:
    return tuple(node for node in nodes if node.condition)


def _clock(options: AnyOptions) -> Mapping[str, Value]:
    return {"use_sim_time": options.robot in SIMULATED}  # the simulation publishes /clock


def _robot(options: AnyOptions, session: Session) -> Graph:
    """What publishes /oda/state and follows /oda/cmd/twist."""
    if options.robot == "sim":
        return (_sim(options, session, lockstep=options.lockstep),)
    back = NodeSpec(
        package="oda_teleop",
        executable="reset_node",
        name="reset",
        parameters={**_clock(options), "connector": session.connector},
    )
    if options.robot == "rehearsal":
        return (_sim(options, session, drive="torque", serves_reset=False), back)
    return (
        back,
        NodeSpec(package="oda_teleop", executable="detector_node", name="detector"),
        NodeSpec(
            package="robot_state_publisher",
            executable="robot_state_publisher",
            name="robot_state_publisher",
            parameters={"robot_description": session.description},
            remappings=(("joint_states", "/joint_states"),),
        ),
        NodeSpec(
            package="controller_manager",
            executable="ros2_control_node",
            name="controller_manager",
            files=controller_files(options.robot),
            inside={f"{NAMESPACE}/{CONTROLLER}": _leash(session)},
        ),
        _spawner("joint_state_broadcaster", "--controller-ros-args=-r joint_states:=/joint_states"),
        *(_spawner(name, _own("state", name)) for name in BROADCASTERS[options.robot]),
        _spawner(CONTROLLER),
    )


def _own(topic: str, controller: str) -> str:
    """Argument that moves a topic below its controller's name: /oda/state is that of the TCP."""
    return f"--controller-ros-args=-r {topic}:={NAMESPACE}/{controller}/{topic}"


def _leash(session: Session) -> Mapping[str, Value]:
    """The largest static force of the set-point: what the connector's simulation has."""
    return {"law.lateral_force_n": session.lateral_n, "law.axial_force_n": session.axial_n}


def _spawner(controller: str, *arguments: str) -> NodeSpec:
    """Loads, configures and activates one controller; strictly, or it fails.

    It waits for the controller manager, which waits for the robot's FRI session.
    """
    patience = ("--service-call-timeout", "600", "--switch-timeout", "60")
    return NodeSpec(
        package="controller_manager",
        executable="spawner",
        name=f"spawner_{controller}",
        arguments=(controller, "-c", f"{NAMESPACE}/controller_manager", *patience, *arguments),
        once=True,
    )


def _sim(options: AnyOptions, session: Session, **how: Value) -> NodeSpec:
    return NodeSpec(
        package="oda_sim",
        executable="sim_node",
        name="sim",
        parameters={
            "connector": str(session.connector_file),
            "seed": options.seed,
            "realtime_factor": options.realtime_factor,
            "headless": options.headless,
            **how,
        },
    )


def _arbiter(options: AnyOptions, session: Session) -> NodeSpec:
    senses: Mapping[str, Value] = {"stuck_s": 0.0} if options.robot == "mock" else {}
    return NodeSpec(
        package="oda_teleop",
        executable="arbiter_node",
        name="arbiter",
        parameters={
            **_clock(options),
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
