"""A window that shows the simulated cell while its node runs."""

import os

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from oda_core.errors import SimulationError
from oda_sim.insertion import InsertionSim

FRAME_S = 1 / 30


class Window:
    """MuJoCo's viewer, updated by a timer of the node.

    Raises:
        SimulationError: there is no display.
    """

    def __init__(self, node: Node, sim: InsertionSim) -> None:
        """Open the window."""
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise SimulationError("window: found no display; set headless to true, or DISPLAY")
        from mujoco import viewer  # loads OpenGL

        self._viewer = viewer.launch_passive(
            sim.model, sim.data, show_left_ui=False, show_right_ui=False
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(FRAME_S, self._show, clock=steady)

    def _show(self) -> None:
        if self._viewer.is_running():
            self._viewer.sync()
        else:
            self._timer.cancel()  # closed by its user; the node goes on

    def close(self) -> None:
        """Close the window."""
        self._viewer.close()
