"""The iiwa 7 under ros2_control: what must be installed, its files, and its description."""

from pathlib import Path
from typing import Literal

from oda_bringup.assets import package_directory
from oda_core.errors import OdaError, SessionError
from oda_core.interfaces import share_directory

RobotName = Literal["sim", "rehearsal", "mock", "hardware"]
SIMULATED = ("sim", "rehearsal")  # in MuJoCo, without ros2_control
PACKAGES = {
    "mock": (
        "controller_manager",
        "joint_state_broadcaster",
        "lbr_description",
        "lbr_ros2_control",  # named by lbr_description
        "oda_controllers",
        "robot_state_publisher",
    ),
}
PACKAGES["hardware"] = PACKAGES["mock"]
PLUGIN = "controller_interface__pluginlib__plugin"  # kind of resource that the controller is
GUIDE = "docs/howto/hardware.md"


def controller_files(robot: str) -> tuple[Path, ...]:
    """Parameters of the controller manager and its controllers; later ones overrule."""
    folder = package_directory() / "config"
    own = {"mock": ("controllers_mock.yaml",)}.get(robot, ())
    return tuple(folder / name for name in ("controllers.yaml", *own))


def fri_file(own: str = "") -> Path:
    """Settings of the Fast Robot Interface: the user's own file, or the shipped one."""
    return Path(own) if own else package_directory() / "description" / "ros2_control" / "fri.yaml"


def check_robot(robot: str, fri: str) -> None:
    """Refuse a robot whose software is not installed; the simulation needs none.

    Raises:
        SessionError: what is missing and where it comes from.
    """
    missing = [name for name in PACKAGES.get(robot, ()) if not is_installed(name)]
    if missing:
        raise SessionError(
            f"robot {robot}: {', '.join(missing)} not found on AMENT_PREFIX_PATH; it needs a ROS 2 "
            f"Jazzy installation with ros2_control and the sources that repos/ pins ({GUIDE}); the "
            "simulation needs neither: robot sim"
        )
    if "oda_controllers" in PACKAGES.get(robot, ()) and not _has_plugin():
        raise SessionError(
            f"robot {robot}: oda_controllers was built without its plugin, as colcon found no "
            f"ros2_control or no kdl_parser; install them ({GUIDE}) and build again (make setup)"
        )
    if fri and not Path(fri).is_file():
        raise SessionError(f"{fri}: does not exist; expected a YAML file of FRI settings")


def describe(robot: str, fri: str = "") -> str:
    """URDF of the cell with its ros2_control system; empty for the simulation.

    Args:
        robot: of the graph.
        fri: file of FRI settings, empty for the shipped one.

    Raises:
        SessionError: xacro or a file that it names is missing or wrong.
    """
    if robot in SIMULATED:
        return ""
    folder = package_directory() / "description"
    mappings = {
        "robot": robot,
        "fri": str(fri_file(fri).resolve()),
        "start": str(folder / "ros2_control" / "start.yaml"),
        "tool": str(folder / "tool.yaml"),
    }
    try:
        import xacro

        document = xacro.process_file(
            str(folder / "urdf" / "oda_iiwa7.urdf.xacro"), mappings=mappings
        )
    except ModuleNotFoundError as error:
        raise SessionError(
            f"robot {robot}: xacro is not installed; apt-get install ros-jazzy-xacro"
        ) from error
    except xacro.XacroException as error:
        raise SessionError(
            f"robot {robot}: its description cannot be expanded ({error})"
        ) from error
    return document.toxml()


def is_installed(package: str) -> bool:
    """The package is on AMENT_PREFIX_PATH."""
    try:
        share_directory(package)
    except OdaError:
        return False
    return True


def _has_plugin() -> bool:
    resource = share_directory("oda_controllers").parent / "ament_index/resource_index" / PLUGIN
    return (resource / "oda_controllers").is_file()
