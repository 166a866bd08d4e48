"""The interface table: for each executable the names that its node uses, and nothing else.

What DDS permissions are made of, and what a test compares with the nodes as they run. Of nodes that
are not ours the names below their own are allowed (`/oda/controller_manager/*`), which differ from
release to release.
"""

from dataclasses import dataclass

from oda_bringup.nodes import NAMESPACE, NodeSpec
from oda_core import topics

ADAPT = f"{NAMESPACE}/adapt"
BEGIN = f"{NAMESPACE}/trainer/begin"
MANAGER = f"{NAMESPACE}/controller_manager"
CONTROLLERS = (f"{NAMESPACE}/*_controller/*", f"{NAMESPACE}/*_broadcaster/*")  # their own names
LOG = "/rosout"
PARAMETER_EVENTS = "/parameter_events"
PARAMETER_SERVICES = (
    "describe_parameters", "get_parameter_types", "get_parameters", "get_type_description",
    "list_parameters", "set_parameters", "set_parameters_atomically",
)  # fmt: skip
GOALS = ("send_goal", "cancel_goal", "get_result")
NEWS = ("feedback", "status")
STANDARD = (topics.JOINT_STATES, topics.TCP_POSE, topics.WRENCH)
VERDICTS = (topics.MARK_SUCCESS, topics.MARK_FAILURE)
RECORDING = (topics.RECORD_DISCARD, topics.RECORD_PAUSE, topics.RECORD_RESUME)
MOUSE = ("/spacenav/twist", "/spacenav/joy")
JOY = "/joy"
RECORDED = (
    topics.STATE, topics.COMMAND, topics.POLICY_TWIST, topics.TELEOP_TWIST, topics.SAFETY,
    topics.EPISODE, topics.STEP, topics.JOINT_STATES, topics.WRENCH,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Interfaces:
    """Names that a node uses, as ROS shows them.

    Attributes:
        publishes: topics; publishers of its log and of parameter events come on top.
        subscribes: topics; /clock comes on top with simulated time.
        serves: services; those of its own parameters come on top.
        calls: services.
        acts: actions that it serves.
        orders: actions that it asks for.
        foreign: not one of ours: it hears parameter events, and may use all below its own name.
    """

    publishes: tuple[str, ...] = ()
    subscribes: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    foreign: bool = False

    def of(self, full_name: str, use_sim_time: bool) -> "Endpoints":
        """All that a node of this kind uses, by its name in the ROS graph."""
        own = {f"{full_name}/{name}" for name in PARAMETER_SERVICES}
        below = {f"{full_name}/*"} if self.foreign else set()
        heard = {topics.CLOCK} if use_sim_time else set()
        heard |= {PARAMETER_EVENTS} if self.foreign else set()
        return Endpoints(
            publishes=below | {LOG, PARAMETER_EVENTS, *self.publishes, *_of(self.acts, NEWS)},
            subscribes=heard | {*self.subscribes, *_of(self.orders, NEWS)},
            serves=(below or own) | {*self.serves, *_of(self.acts, GOALS)},
            calls={*self.calls, *_of(self.orders, GOALS)},
        )


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Topics and services of one node, those of its actions, parameters and log among them."""

    publishes: set[str]
    subscribes: set[str]
    serves: set[str]
    calls: set[str]


TABLE: dict[str, Interfaces] = {
    "sim_node": Interfaces(
        publishes=(topics.STATE, topics.CLOCK, topics.DIAGNOSTICS, *STANDARD),
        subscribes=(topics.COMMAND, topics.SAFETY),
        serves=(topics.TARE,),
        acts=(topics.RESET,),
    ),
    "arbiter_node": Interfaces(
        publishes=(topics.COMMAND, topics.SAFETY, topics.DIAGNOSTICS),
        subscribes=(
            topics.EPISODE,
            topics.STATE,
            topics.TELEOP_TWIST,
            topics.POLICY_TWIST,
            topics.RESET_TWIST,
        ),
        serves=(topics.START, topics.STOP),
    ),
    "detector_node": Interfaces(
        subscribes=(topics.EPISODE, topics.STATE), calls=(topics.MARK_SUCCESS,)
    ),
    "reset_node": Interfaces(
        publishes=(topics.RESET_TWIST,),
        subscribes=(topics.STATE, topics.SAFETY),
        calls=(topics.TARE,),
        acts=(topics.RESET,),
    ),
    "policy_node": Interfaces(
        publishes=(topics.POLICY_TWIST, topics.STEP),
        subscribes=(topics.WEIGHTS, topics.EPISODE, topics.MARK, topics.SAFETY, topics.STATE),
    ),
    "trainer_node": Interfaces(
        publishes=(topics.TRAINER, topics.WEIGHTS),
        subscribes=(topics.EPISODE, topics.STEP),
        serves=(BEGIN,),
    ),
    "adapt_node": Interfaces(
        publishes=(topics.EPISODE, topics.MARK),
        subscribes=(topics.STEP, topics.SAFETY, topics.TRAINER),
        serves=VERDICTS,
        calls=(BEGIN,),
        acts=(ADAPT,),
        orders=(topics.RESET,),
    ),
    "adapt_client": Interfaces(orders=(ADAPT,)),
    "recorder_node": Interfaces(
        publishes=(topics.DISCARD, topics.DIAGNOSTICS), subscribes=RECORDED, serves=RECORDING
    ),
    "operator_node": Interfaces(
        publishes=(topics.TELEOP_TWIST,), subscribes=(topics.EPISODE, topics.STATE)
    ),
    "demo_node": Interfaces(
        publishes=(topics.EPISODE, topics.STEP),
        subscribes=(topics.SAFETY, topics.STATE, topics.DISCARD),
        serves=VERDICTS,
        orders=(topics.RESET,),
    ),
    "guide_node": Interfaces(
        publishes=(topics.EPISODE, topics.STEP),
        subscribes=(topics.SAFETY, topics.STATE, topics.DISCARD),
        serves=(*VERDICTS, topics.BEGIN),
        orders=(topics.RESET,),
    ),
    "teleop_node": Interfaces(
        publishes=(topics.TELEOP_TWIST, topics.DIAGNOSTICS),
        subscribes=(
            topics.EPISODE,
            topics.SAFETY,
            topics.STATE,
            *MOUSE,
            "/spacenav/twist_stamped",
            JOY,
        ),
        calls=(topics.START, topics.TARE, *VERDICTS, topics.BEGIN, topics.RECORD_DISCARD),
        orders=(topics.RESET,),
    ),
    "spacenav_node": Interfaces(publishes=(*MOUSE, topics.DIAGNOSTICS)),
    "gamepad_node": Interfaces(publishes=(JOY, topics.DIAGNOSTICS)),
    "scripted_mouse": Interfaces(publishes=MOUSE, subscribes=(topics.EPISODE, topics.STATE)),
    "robot_state_publisher": Interfaces(
        publishes=("/tf", "/tf_static", f"{NAMESPACE}/robot_description"),
        subscribes=(topics.JOINT_STATES,),
        foreign=True,
    ),
    # one process with every controller in it
    "ros2_control_node": Interfaces(
        publishes=(
            topics.STATE,
            topics.DIAGNOSTICS,
            f"{NAMESPACE}/dynamic_joint_states",
            *STANDARD,
            *CONTROLLERS,
        ),
        subscribes=(topics.COMMAND, topics.SAFETY, f"{NAMESPACE}/robot_description"),
        serves=(topics.TARE, *CONTROLLERS),
        foreign=True,
    ),
    "spawner": Interfaces(calls=(f"{MANAGER}/*",)),
}


def endpoints_of(node: NodeSpec) -> Endpoints:
    """What a node of the graph uses."""
    sim_time = bool(node.parameters.get("use_sim_time", False))
    return TABLE[node.executable].of(node.full_name, sim_time)


def _of(actions: tuple[str, ...], parts: tuple[str, ...]) -> set[str]:
    return {f"{action}/_action/{part}" for action in actions for part in parts}
