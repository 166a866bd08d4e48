"""A point mass that speaks the robot contract: robot and arbiter of the node tests.

It moves exactly as commanded, and counts as inserted 3 mm along +z of the start TCP. What it does
depends on seeds and commands alone, not on what was run before, so that a session that was killed
and continued gives the same figures as one that was not.
"""

import time
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.action import ActionServer
from rclpy.node import Node
from std_srvs.srv import Trigger

from oda_core.messages import (
    header,
    pose_to_msg,
    stamp_ns,
    state_to_msg,
    twist_from_msg,
    twist_to_msg,
)
from oda_core.ros import qos
from oda_core.ros.main import main as run_main
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.se3 import Pose, quat_rotate
from oda_core.settings import setting
from oda_core.types import BASE_FRAME, TCP_FRAME, TcpState
from oda_msgs.action import Reset
from oda_msgs.msg import Episode, SafetyState
from oda_msgs.msg import TcpState as TcpStateMsg

DOWN = np.array([1.0, 0.0, 0.0, 0.0])  # z of the TCP points down
NOMINAL = np.array([0.5, 0.0, 0.3])
TICK_NS, STATE_NS = 100_000_000, 10_000_000
RESET_NS = 5_000_000_000


@dataclass(frozen=True, kw_only=True)
class PointSettings:
    """Parameters."""

    realtime: bool = setting(False, "states every 10 ms of wall time instead of lock-step")
    depth_m: float = setting(0.003, "along +z where it counts as inserted [m]")


class PointRobotNode(Node):
    def __init__(self):
        super().__init__("sim")
        self.settings = declare(self, PointSettings)
        self._time_ns, self._position, self._goal_z = 0, NOMINAL, 0.0
        self._twist, self._corrupt, self._abort = np.zeros(6), False, False
        self._states = self.create_publisher(TcpStateMsg, "/oda/state", qos.STATE)
        self._safety = self.create_publisher(SafetyState, "/oda/safety", qos.LATCHED)
        self.create_subscription(TwistStamped, "/oda/policy/twist", self._on_twist, qos.COMMAND)
        ActionServer(self, Reset, "/oda/reset", self._on_reset)
        self.create_service(Trigger, "/test/corrupt", self._on_corrupt)
        self.create_service(Trigger, "/test/mend", self._on_mend)
        self.create_service(Trigger, "/test/fail_reset", self._on_fail_reset)
        self.create_service(Trigger, "/test/abort", self._on_abort)
        self._sent, self._jammed, self._reported_ns = 0.0, False, 0
        self._follows = False  # as the arbiter: an episode, of whose end it hears late
        self._late = self.create_timer(0.03, self._on_end, autostart=False)
        self.create_subscription(Episode, "/oda/episode", self._on_episode, qos.EVENTS)
        self.create_timer(0.01, self._on_time)
        self.create_timer(0.1, lambda: self._report(self._reported_ns))

    def _on_reset(self, handle):
        goal = handle.request
        if not self._late.is_canceled():  # before the arbiter has heard that the episode has ended
            self._abort = True
            self._report(self._time_ns)
        if self._jammed:
            self._jammed, self._time_ns = False, self._time_ns + RESET_NS
            handle.abort()
            return Reset.Result(success=False, message="jammed", robot_time_s=RESET_NS / 1e9)
        noise = np.random.default_rng(goal.seed).uniform(-1, 1, 3) * goal.start_noise_m
        self._position, self._twist = NOMINAL + noise, np.zeros(6)
        self._goal_z = NOMINAL[2] - self.settings.depth_m
        self._time_ns += RESET_NS
        self._publish_state()
        start = PoseStamped(header=header(self._time_ns, BASE_FRAME, rclpy_class))
        start.pose = pose_to_msg(Pose(self._position, DOWN), rclpy_class)
        handle.succeed()
        return Reset.Result(success=True, start_pose=start, robot_time_s=RESET_NS / 1e9)

    def _on_episode(self, msg):
        if msg.event == Episode.EVENT_START:
            self._late.cancel()
            self._follows = True
        else:
            self._late.reset()

    def _on_end(self):
        self._late.cancel()
        self._follows = False
        self._report(self._time_ns)

    def _on_twist(self, msg):
        stamp, twist = stamp_ns(msg.header.stamp), twist_from_msg(msg.twist)
        if self.settings.realtime:
            self._command(stamp, twist)
        elif stamp == self._time_ns:
            self._command(stamp, twist)
            for _ in range(TICK_NS // STATE_NS):
                self._advance()

    def _command(self, stamp, twist):
        self._twist = twist
        self._report(stamp)

    def _report(self, stamp):
        self._reported_ns = stamp
        twist = twist_to_msg(self._twist, rclpy_class)
        executed = SafetyState(header=header(stamp, TCP_FRAME, rclpy_class), twist=twist)
        free = SafetyState.STATE_ACTIVE if self._follows else SafetyState.STATE_IDLE
        executed.state = SafetyState.STATE_ABORT if self._abort else free
        executed.reason = "test" if self._abort else ""
        self._safety.publish(executed)

    def _advance(self):
        velocity = quat_rotate(DOWN, self._twist[:3])
        self._position = self._position + velocity * STATE_NS / 1e9
        self._time_ns += STATE_NS
        self._publish_state()

    def _publish_state(self):
        message = state_to_msg(self._state(), rclpy_class)
        if self._corrupt:
            message.wrench.force.x = float("nan")
        self._sent = time.monotonic()
        self._states.publish(message)

    def _state(self):
        return TcpState(
            stamp_ns=self._time_ns,
            pose=Pose(self._position, DOWN),
            twist=self._twist,
            wrench=np.r_[0.0, 0.0, 1e3 * (NOMINAL[2] - self._position[2]), 0.0, 0.0, 0.0],
            inserted=bool(self._position[2] <= self._goal_z),
        )

    def _on_time(self):
        if self.settings.realtime:
            self._advance()
        elif time.monotonic() - self._sent > 0.2:
            self._publish_state()

    def _on_corrupt(self, _, response):
        self._corrupt = response.success = True
        return response

    def _on_abort(self, _, response):
        self._abort = response.success = True
        self._report(self._time_ns)
        return response

    def _on_fail_reset(self, _, response):
        self._jammed = response.success = True
        return response

    def _on_mend(self, _, response):
        self._abort = self._corrupt = False
        response.success = True
        self._report(self._time_ns)
        return response


if __name__ == "__main__":
    run_main(PointRobotNode)
