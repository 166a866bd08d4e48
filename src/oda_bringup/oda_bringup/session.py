"""A session: its directory, what was asked for, and the checks before any node starts."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import yaml

from oda_bringup.assets import shipped_checkpoint, shipped_demonstrations
from oda_bringup.inputs import check_inputs
from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions, TeleopOptions
from oda_bringup.robot import check_robot, describe
from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError, SessionError
from oda_core.files import write_atomic
from oda_sim.connector import Connector, dump_connector, load_connector

RUNS = Path("runs")
OPTIONS_FILE = "session.json"
CONNECTOR_FILE = "connector.yaml"
REPORT_FILE = "report.json"
PARAMETERS_FILE = "parameters.yaml"  # what the user laid over the graph's parameters
DESCRIPTION_FILE = "robot.urdf"
FIXED = (
    "connector", "demos", "checkpoint", "preset", "robot", "fri", "seed", "trials", "parameters"
)  # fmt: skip


class Session(NamedTuple):
    """A session's directory; its connector's name, start noise and force limits; its robot."""

    directory: Path
    connector: str
    start_noise_m: float = 1e-3  # half width per axis
    damage_n: float = 120.0  # force that plug and socket survive
    lateral_n: float = 30.0  # largest static force along each of the TCP's x and y axes
    axial_n: float = 90.0  # and along z
    description: str = ""  # URDF of a robot under ros2_control

    @property
    def connector_file(self) -> Path:
        """The connector as it was when the session began."""
        return self.directory / CONNECTOR_FILE


def check_adapt(options: AdaptOptions) -> AdaptOptions:
    """Check all that an adaptation needs, before anything is written or started.

    Returns:
        The options with every default and path filled in; fit for open_session.

    Raises:
        OdaError: what is wrong and what to do.
    """
    if options.resume:
        options = _resumed(options)
        connector = load_connector(Path(options.output) / CONNECTOR_FILE)
    else:
        connector = load_connector(options.connector)
        options = dataclasses.replace(
            options,
            demos=str(_absolute(options.demos) or shipped_demonstrations(connector.name)),
            checkpoint=str(_absolute(options.checkpoint) or shipped_checkpoint()),
            output=str(_new_directory(options.output, connector.name)),
        )
    _check_surroundings(options)
    check_inputs(Path(options.checkpoint), Path(options.demos), connector.name)
    return options


Recording = TypeVar("Recording", DemoOptions, TeleopOptions)


def check_demo(options: Recording) -> Recording:
    """Check all that a recording needs; as check_adapt."""
    connector = load_connector(options.connector)
    _check_surroundings(options)
    directory = _new_directory(options.output, f"{connector.name}-demos")
    return dataclasses.replace(options, output=str(directory))


def check_sim(options: SimOptions) -> SimOptions:
    """Check what the robot alone needs; as check_adapt."""
    load_connector(options.connector)
    _check_surroundings(options)
    return dataclasses.replace(options, output=str(_new_directory(options.output, options.robot)))


def open_session(options: AdaptOptions | DemoOptions | SimOptions | TeleopOptions) -> Session:
    """Make the session directory of checked options, or open that of a resumed one."""
    directory = Path(options.output)
    description = describe(options.robot, options.fri)
    if isinstance(options, AdaptOptions) and options.resume:
        return _session(directory, load_connector(directory / CONNECTOR_FILE), description)
    connector = load_connector(options.connector)
    session = _session(directory, connector, description)
    write_atomic(session.connector_file, dump_connector(connector))
    if description:
        write_atomic(directory / DESCRIPTION_FILE, description)
    if options.parameters:
        write_atomic(directory / PARAMETERS_FILE, read_parameters(options.parameters))
    content = {"connector": connector.name, "options": to_mapping(options)}
    write_atomic(directory / OPTIONS_FILE, json.dumps(content, indent=2) + "\n")
    return session


def _check_surroundings(options: AdaptOptions | DemoOptions | SimOptions | TeleopOptions) -> None:
    read_parameters(options.parameters)
    check_robot(options.robot, options.fri)


def _session(directory: Path, connector: Connector, description: str) -> Session:
    noise_m, limits = connector.start.noise_mm * 1e-3, connector.limits
    forces = (limits.damage_n, limits.lateral_n, limits.axial_n)
    return Session(directory, connector.name, noise_m, *forces, description)


def _new_directory(output: str, prefix: str) -> Path:
    path = Path(output) if output else RUNS / f"{prefix}-{datetime.now():%Y%m%d-%H%M%S}"
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SessionError(
            f"{path}: exists already and is not empty; choose another output, or continue the "
            "adaptation in it with resume"
        )
    return path.resolve()


def _resumed(options: AdaptOptions) -> AdaptOptions:
    """The options that a session began with, except for budgets that are given anew."""
    directory = Path(options.output) if options.output else _newest_unfinished()
    path = directory / OPTIONS_FILE
    if not path.is_file():
        raise SessionError(
            f"{directory}: is not the directory of an adaptation (it has no {OPTIONS_FILE}); "
            "name the one to continue with output"
        )
    began = from_mapping(AdaptOptions, json.loads(path.read_text())["options"], str(path))
    changes = {"output": str(directory.resolve()), "resume": True}
    for item in dataclasses.fields(AdaptOptions):
        asked, before = getattr(options, item.name), getattr(began, item.name)
        if item.name in changes or asked in (item.default, before):
            continue
        if item.name not in FIXED:
            changes[item.name] = asked
        elif not _same_input(item.name, asked, before):
            raise SessionError(
                f"{path}: the session began with {item.name} {before}, found {asked}; leave "
                f"{item.name} out, or begin a new session"
            )
    return dataclasses.replace(began, **changes)


def read_parameters(path: str) -> str:
    """Text of a user's parameter file, checked for its form; empty without one."""
    if not path:
        return ""
    try:
        text = Path(path).read_text()
        content = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML ({error})") from error
    nodes = content.values() if isinstance(content, dict) else [None]
    if not all(isinstance(node, dict) and "ros__parameters" in node for node in nodes):
        raise ConfigError(
            f"{path}: is no ROS parameter file; expected nodes such as /oda/trainer, each with "
            "ros__parameters"
        )
    return text


def _same_input(name: str, asked: object, began: object) -> bool:
    is_path = name in ("demos", "checkpoint", "fri", "parameters")
    return is_path and Path(str(asked)).resolve() == Path(str(began)).resolve()


def _absolute(path: str) -> Path | None:
    return Path(path).resolve() if path else None


def _newest_unfinished() -> Path:
    found = [
        path.parent
        for path in RUNS.glob(f"*/{OPTIONS_FILE}")
        if "checkpoint" in json.loads(path.read_text())["options"]
        and not (path.parent / REPORT_FILE).exists()
    ]
    if not found:
        raise SessionError(f"{RUNS}: holds no unfinished adaptation to resume; begin a new one")
    return max(found, key=lambda path: (path / OPTIONS_FILE).stat().st_mtime)
