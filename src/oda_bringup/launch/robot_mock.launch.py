"""Robot and arbiter, as `oda sim --robot mock` starts them; --show-args lists the arguments."""

from launch import LaunchDescription

from oda_bringup.plans import SIM
from oda_bringup.rendering import launch_description


def generate_launch_description() -> LaunchDescription:
    """Entry of ros2 launch."""
    return launch_description(SIM, robot="mock")
