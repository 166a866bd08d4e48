"""The robot's graph on mock hardware, and a peer that hears it and speaks to it."""

import os
import signal
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_live import Oda
from worker import DOMAIN

from oda_bringup.robot import check_robot
from oda_bringup.robot_nodes import CONTROLLER
from oda_bringup.security.interfaces import MANAGER
from oda_core import topics
from oda_core.errors import SessionError
from oda_core.ros import qos
from oda_core.ros.testing import Client
from oda_core.types import TCP_FRAME
from oda_sim.arm import JOINT_NAMES

CONNECTOR = "network-card-18"  # which bears less than the controller's own limits
NODE = f"/oda/{CONTROLLER}"


def missing() -> str:
    """Why the graph cannot run here; empty if it can."""
    if find_spec("xacro") is None:
        return "xacro is not installed"
    try:
        check_robot("mock", "")
    except SessionError as error:
        return str(error)
    return ""


needs_ros2_control = pytest.mark.skipif(bool(missing()), reason=missing())


class Robot(Client):
    """What a test hears of the graph, and says to it."""

    def __init__(self) -> None:
        """Subscribe; nothing has to run yet."""
        super().__init__(DOMAIN)
        from geometry_msgs.msg import TwistStamped
        from sensor_msgs.msg import JointState
        from std_msgs.msg import String

        from oda_msgs.msg import SafetyState, TcpState

        self.states = self.collect(TcpState, topics.STATE, qos.STATE_LOG)
        self.joints = self.collect(JointState, topics.JOINT_STATES, qos.STATE)
        self.commands = self.collect(TwistStamped, topics.COMMAND, qos.COMMAND_LOG)
        self.safety = self.collect(SafetyState, topics.SAFETY, qos.EVENTS)
        self.reasons = self.collect(String, f"{NODE}/reason", qos.LATCHED)
        self.teleop = self.node.create_publisher(TwistStamped, topics.TELEOP_TWIST, qos.COMMAND)

    def call(self, kind: type, name: str, **fields: Any) -> Any:
        """Answer of a service."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready, name)
        return self.done(client.call_async(kind.Request(**fields)), name)

    def trigger(self, name: str) -> Any:
        """Answer of a service without arguments."""
        from std_srvs.srv import Trigger

        return self.call(Trigger, name)

    def switch(self, on: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> Any:
        """Answer to a STRICT switch."""
        from controller_manager_msgs.srv import SwitchController as Switch

        return self.call(
            Switch, f"{MANAGER}/switch_controller", strictness=Switch.Request.STRICT,
            activate_controllers=list(on), deactivate_controllers=list(off),
        )  # fmt: skip

    def controllers(self) -> dict[str, Any]:
        """Controllers by their names."""
        from controller_manager_msgs.srv import ListControllers

        listed = self.call(ListControllers, f"{MANAGER}/list_controllers").controller
        return {controller.name: controller for controller in listed}

    def active(self) -> set[str]:
        """Names of the controllers that are active."""
        return {name for name, c in self.controllers().items() if c.state == "active"}

    def measured(self, name: str) -> NDArray[np.float64]:
        """Newest "position" or "effort" of the seven joints."""
        self.joints.clear()
        self.until(lambda: self.joints, topics.JOINT_STATES)
        values = dict(zip(self.joints[-1].name, getattr(self.joints[-1], name), strict=True))
        return np.array([values[joint] for joint in JOINT_NAMES])

    def drive(self) -> None:
        """Command 20 mm/s along the TCP's x axis by hand, for 50 ms."""
        from geometry_msgs.msg import TwistStamped

        twist = TwistStamped()
        twist.header.stamp = self.node.get_clock().now().to_msg()
        twist.header.frame_id = TCP_FRAME
        twist.twist.linear.x = 0.02
        self.teleop.publish(twist)
        self.turn_for(0.05)

    def drive_until(self, ready: Callable[[], Any], what: str) -> None:
        """Drive on until ready() gives something true."""
        self.until(lambda: self.drive() or ready(), what)

    def at_rest(self) -> None:
        """Wait until no effort is commanded."""
        self.until(lambda: not self.measured("effort").any(), "the end of all efforts")


def started(folder: Path, *words: str) -> Oda:
    return Oda(["sim", "--robot", "mock", "--connector", CONNECTOR, *words], folder)


def end(oda: Oda) -> None:
    """Ctrl-C; nothing may stay behind."""
    oda.process.send_signal(signal.SIGINT)
    try:
        oda.wait(30.0)
    finally:
        for pid in (left := oda.pids()):
            os.kill(pid, signal.SIGKILL)
        assert not left
