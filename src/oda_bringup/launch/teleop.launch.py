"""The graph of `oda teleop` for ros2 launch; --show-args lists its arguments."""

from launch import LaunchDescription

from oda_bringup.plans import TELEOP
from oda_bringup.rendering import launch_description


def generate_launch_description() -> LaunchDescription:
    """Entry of ros2 launch."""
    return launch_description(TELEOP)
