"""What a user can choose: one dataclass per graph, the schema of commands and launch arguments."""

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml

from oda_bringup.robot import RobotName
from oda_bringup.scripted_hand import read_mishaps
from oda_core.config import from_mapping
from oda_core.settings import setting
from oda_policy.config import describe, described

T = TypeVar("T")
PARAMETERS = "YAML file of ROS parameters that are laid over the graph's; empty: none"
ROBOT = (
    "what moves: the simulation; the same as a rehearsal of the robot, in real time, by the law on "
    "joint torques that the robot runs and by its way back to the start; mock hardware; the iiwa 7"
)
FRI = "YAML file of the Fast Robot Interface for robot hardware; empty: the shipped one"
DEFAULT_CONNECTOR = "metal-peg-sq"


class Argument(typing.NamedTuple):
    """One field of an options dataclass as a launch argument."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...]  # empty: any value of the type


def _check(options: Any, *positive: str) -> None:
    if options.seed < 0:
        raise ValueError(f"seed: found {options.seed}, expected 0 or more")
    for name in ("realtime_factor", *positive):
        if not getattr(options, name) > 0:
            raise ValueError(f"{name}: found {getattr(options, name)}, expected more than 0")
    if options.robot != "sim" and options.realtime_factor != 1.0:
        raise ValueError(
            f"realtime_factor: found {options.realtime_factor:g}, but robot {options.robot} moves "
            "in real time; leave it at 1"
        )


@described
@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """Adapt the meta-trained policy to one connector on live ROS 2 nodes (Algorithm 2).

    Inputs: a checkpoint, about 20 demonstrations and the connector. The demonstrations give the
    task code; the policy is evaluated, finetuned online if it is not perfect, evaluated again.
    Output: a session directory with report.html, report.json, every episode and each node's log.

    Example: oda adapt --connector my_plug.yaml --demos runs/my-demos/bag --seed 1
    """

    connector: str = setting(DEFAULT_CONNECTOR, "name of a connector, or path of its YAML file")
    demos: str = setting("", "bag or buffer of demonstrations; empty: those shipped with it")
    checkpoint: str = setting("", "meta-trained checkpoint; empty: the shipped one")
    preset: Literal["paper", "best"] = setting("best", "settings of finetuning")
    robot: RobotName = setting("sim", ROBOT)
    fri: str = setting("", FRI)
    seed: int = setting(0, "of start noise, sampled actions and learning")
    trials: int = setting(100, "episodes of each evaluation")
    max_training_episodes: int = setting(300, "budget of training episodes")
    max_robot_minutes: float = setting(30.0, "budget of robot time for finetuning [min]")
    output: str = setting("", "session directory; empty: runs/CONNECTOR-DATE-TIME")
    resume: bool = setting(False, "continue the session in output, or else the newest one")
    lockstep: bool = setting(True, "sim only: time waits for the policy, fast and deterministic")
    realtime_factor: float = setting(1.0, "simulated seconds per second when not in lock-step")
    headless: bool = setting(True, "false shows the simulation in a window")
    device: Literal["none", "spacemouse", "spacenav", "gamepad", "joy", "keyboard", "scripted"] = (
        setting("none", "what a person holds to take over at any time; see oda teleop --help")
    )
    record: bool = setting(False, "record the topics into a bag in the session directory")
    trainer: Literal["here", "elsewhere"] = setting(
        "here", "elsewhere: another machine runs the trainer, with the same paths and domain"
    )
    parameters: str = setting("", PARAMETERS)

    def __post_init__(self) -> None:
        _check(self, "trials", "max_training_episodes", "max_robot_minutes")
        if self.device != "none" and self.lockstep:
            raise ValueError(f"device: found {self.device}, but a person needs lockstep false")


@described
@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Record demonstrations of the scripted operator into a bag.

    The operator sees what a person sees: the nominal pose and the contact, never the hidden start
    noise. It commands through the teleoperation topic, the arbiter limits it, the recorder writes
    every topic. Output: a session directory with the bag; oda convert and oda adapt read it.

    Example: oda demo --connector my_plug.yaml --episodes 20 --output runs/my-demos
    """

    connector: str = setting(DEFAULT_CONNECTOR, "name of a connector, or path of its YAML file")
    episodes: int = setting(20, "successful demonstrations to record")
    robot: RobotName = setting("sim", ROBOT)
    fri: str = setting("", FRI)
    seed: int = setting(0, "of start noise and of the operator's own variation")
    output: str = setting("", "session directory; empty: runs/CONNECTOR-demos-DATE-TIME")
    lockstep: bool = setting(True, "sim only: time waits for the operator, fast and deterministic")
    realtime_factor: float = setting(1.0, "simulated seconds per second when not in lock-step")
    headless: bool = setting(True, "false shows the simulation in a window")
    parameters: str = setting("", PARAMETERS)

    def __post_init__(self) -> None:
        _check(self, "episodes")


@described
@dataclass(frozen=True, kw_only=True)
class TeleopOptions:
    """Give demonstrations by hand: guided, recorded, as many as are asked for.

    The session resets the robot, says which demonstration is next, and waits for the start button.
    Hold the deadman (button 0) and move. After the end there is a moment to take it back. Devices:
    spacemouse, with a driver of our own at spacenavd's socket; spacenav, by the spacenav node that
    you run; gamepad, with a driver of our own; joy, by the joy node that you run; keyboard, by
    ros2 run oda_teleop keyboard_node in another terminal; scripted, a person who is none.
    Output: a session directory with bag/, which oda convert, evaluate and adapt read.

    Example: oda teleop --connector my_plug.yaml --demos 20 --output runs/my-demos
    """

    connector: str = setting(DEFAULT_CONNECTOR, "name of a connector, or path of its YAML file")
    demos: int = setting(20, "successful demonstrations to record")
    device: Literal["spacemouse", "spacenav", "gamepad", "joy", "keyboard", "scripted"] = setting(
        "spacemouse", "what the person holds"
    )
    mishaps: str = setting("", "of the scripted person: discard, failure, unplug, silence, none")
    max_steps: int = setting(200, "time limit of a demonstration [steps of 0.1 s]")
    robot: RobotName = setting("sim", ROBOT)
    fri: str = setting("", FRI)
    seed: int = setting(0, "of start noise, and of the scripted person")
    output: str = setting("", "session directory; empty: runs/CONNECTOR-demos-DATE-TIME")
    realtime_factor: float = setting(1.0, "simulated seconds per second")
    headless: bool = setting(True, "false shows the simulation in a window")
    parameters: str = setting("", PARAMETERS)

    def __post_init__(self) -> None:
        _check(self, "demos", "max_steps")
        if read_mishaps(self.mishaps) and self.device != "scripted":
            raise ValueError(f"mishaps: found {self.mishaps!r}, which only a scripted person has")

    @property
    def lockstep(self) -> bool:
        """A person cannot wait for simulated time, nor it for the person."""
        return False


@described
@dataclass(frozen=True, kw_only=True)
class SimOptions:
    """Run the robot alone, with the arbiter, for a look or a program of your own.

    The robot is the simulated cell unless another is named.

    Example: oda sim --connector uk-ac-plug
    """

    connector: str = setting(DEFAULT_CONNECTOR, "name of a connector, or path of its YAML file")
    robot: RobotName = setting("sim", ROBOT)
    fri: str = setting("", FRI)
    seed: int = setting(0, "of sensor noise")
    output: str = setting("", "directory for logs; empty: runs/sim-DATE-TIME")
    lockstep: bool = setting(False, "sim only: time waits for a command at every 100 ms")
    realtime_factor: float = setting(1.0, "simulated seconds per second when not in lock-step")
    headless: bool = setting(True, "false shows the simulation in a window")
    parameters: str = setting("", PARAMETERS)

    def __post_init__(self) -> None:
        _check(self)


ROBOTS: tuple[str, ...] = get_args(typing.get_type_hints(SimOptions)["robot"])


def arguments(schema: type[Any]) -> list[Argument]:
    """The fields of an options dataclass as launch arguments, in order."""
    hints = typing.get_type_hints(schema)
    return [
        Argument(f.name, _text(f.default), describe(f), _choices(hints[f.name]))
        for f in dataclasses.fields(schema)
    ]


def from_texts(schema: type[T], texts: dict[str, str], where: str) -> T:
    """Options from the texts that launch arguments are.

    Raises:
        ConfigError: an unknown name, or a text that is not of the field's type or range.
    """
    hints = typing.get_type_hints(schema)
    values = {name: _value(hints.get(name, str), text) for name, text in texts.items()}
    return from_mapping(schema, values, where)


def _text(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _choices(hint: Any) -> tuple[str, ...]:
    if hint is bool:
        return ("true", "false")
    return tuple(str(a) for a in get_args(hint)) if get_origin(hint) is Literal else ()


def _value(hint: Any, text: str) -> Any:
    if hint is str or get_origin(hint) is Literal:
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text  # from_mapping says what was found and what was expected
