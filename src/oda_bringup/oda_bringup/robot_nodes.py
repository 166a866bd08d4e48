"""The robot, one part of every graph: the simulation, its rehearsal, or ros2_control."""

from collections.abc import Mapping

from oda_bringup.nodes import NAMESPACE, Graph, NodeSpec, Value
from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.robot import SIMULATED, controller_files
from oda_bringup.session import Session

AnyOptions = AdaptOptions | DemoOptions | SimOptions | TeleopOptions
CONTROLLER = "tcp_twist_impedance_controller"
BROADCASTERS = {"mock": (), "hardware": ("lbr_state_broadcaster",)}  # besides that of the joints


def clock_of(options: AnyOptions) -> Mapping[str, Value]:
    """Parameters of every node: whose clock it follows."""
    return {"use_sim_time": options.robot in SIMULATED}  # the simulation publishes /clock


def robot_nodes(options: AnyOptions, session: Session) -> Graph:
    """What publishes /oda/state and follows /oda/cmd/twist."""
    if options.robot == "sim":
        return (_sim(options, session, lockstep=options.lockstep),)
    back = NodeSpec(
        package="oda_teleop",
        executable="reset_node",
        name="reset",
        parameters={**clock_of(options), "connector": session.connector},
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
