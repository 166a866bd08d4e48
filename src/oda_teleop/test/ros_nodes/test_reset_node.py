"""The way back to the start where no simulation serves it: twists through the arbiter."""

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from std_srvs.srv import Trigger

from oda_core.homing import START, Motion, draw_start_noise, towards
from oda_core.messages import event_to_msg, pose_from_msg, stamp_ns, state_from_msg, twist_stamped
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.ros.types import rclpy_class
from oda_core.se3 import Pose, rotvec_from_quat
from oda_core.types import EpisodeEvent, Event, Purpose, TcpState
from oda_msgs.action import Reset
from oda_msgs.msg import Episode, SafetyState
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_sim.connector import load_connector

pytestmark = pytest.mark.ros
CONNECTOR = "metal-peg-sq"
CLOCK = {"use_sim_time": True}
DOWN = np.array([0.0, 0.0, 0.02, 0.0, 0.0, 0.0])
ASIDE = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
SPEED_M_S = 0.02  # largest per axis


class Owner(Client):
    """Owner of episodes, and a hand on the device."""

    def __init__(self, domain: int) -> None:
        super().__init__(domain)
        self.states: list[TcpState] = []
        self.node.create_subscription(
            TcpStateMsg, "/oda/state", lambda m: self.states.append(state_from_msg(m)),
            qos.STATE_LOG,
        )  # fmt: skip
        self.safety = self.collect(SafetyState, "/oda/safety", qos.EVENTS)
        self.hand = self.node.create_publisher(TwistStamped, "/oda/teleop/twist", qos.COMMAND)
        self.episodes = self.node.create_publisher(Episode, "/oda/episode", qos.EVENTS)
        self.resets = ActionClient(self.node, Reset, "/oda/reset")
        self.feedback: list[str] = []

    def ready(self) -> None:
        self.until(lambda: self.states, "a state")
        self.until(self.hand.get_subscription_count, "the arbiter")
        self.until(self.episodes.get_subscription_count, "the arbiter")
        self.until(self.resets.server_is_ready, "/oda/reset")
        self.until(lambda: self.safety, "a word of the arbiter")
        self.until(self.heard, "a twist that the arbiter's clock does not refuse")

    def heard(self) -> bool:
        """Rest by hand; the arbiter executed that."""
        self.hand.publish(twist_stamped(self.states[-1].stamp_ns, np.zeros(6), rclpy_class))
        return self.safety[-1].state == SafetyState.STATE_ACTIVE

    def ask(self, **goal: object):
        """Begin a reset; future of its end."""
        sent = self.resets.send_goal_async(
            Reset.Goal(**goal), feedback_callback=lambda m: self.feedback.append(m.feedback.phase)
        )
        self.goal = self.done(sent, "an answer")
        return self.goal.get_result_async()

    def reset(self, **goal: object) -> Reset.Result:
        return self.done(self.ask(**goal), "the end of the reset", 60.0).result

    def move(self, twist: np.ndarray | Callable[[Pose], np.ndarray], seconds: float) -> None:
        """Command with the hand for a while of simulated time: a twist, or one that sees."""
        end_ns = self.states[-1].stamp_ns + seconds * 1e9
        sent_ns = 0
        while (now_ns := self.states[-1].stamp_ns) < end_ns:
            if now_ns - sent_ns >= 50_000_000:
                wanted = twist(self.pose()) if callable(twist) else twist
                self.hand.publish(twist_stamped(now_ns, wanted, rclpy_class))
                sent_ns = now_ns
            self.executor.spin_once(0.02)

    def pose(self) -> Pose:
        """TCP in the start frame."""
        return self.states[-1].pose.relative_to(START)

    def insert(self) -> None:
        """Push the plug in, askew: the hand goes on to press to the side."""
        start = load_connector(CONNECTOR).start
        above = np.array([*start.lateral_mm, 0.0, 0.0, 0.0, 0.0]) * 1e-3
        above[5] = np.deg2rad(start.yaw_deg)
        self.move(lambda pose: towards(pose, above, Motion()), 1.5)
        self.move(lambda pose: towards(pose, above, Motion()) * ASIDE + DOWN, 2.5)
        self.until(lambda: self.states[-1].inserted, "the inserted plug")
        self.move(np.array([0.02, 0.01, 0.005, 0.0, 0.0, 0.0]), 0.8)

    def episode(self, event: Event) -> None:
        message = EpisodeEvent(
            stamp_ns=self.states[-1].stamp_ns, session="s", episode_id=1, connector=CONNECTOR,
            purpose=Purpose.TRAINING, event=event,
        )  # fmt: skip
        self.episodes.publish(event_to_msg(message, rclpy_class))


@pytest.fixture
def cell(tmp_path: Path):
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Owner(domain) as owner:
        nodes.start("oda_sim.ros.sim_node", connector=CONNECTOR, serves_reset=False)
        nodes.start("oda_teleop.ros.arbiter_node", **CLOCK, **{"limits.force_n": 300.0})
        nodes.start("oda_teleop.ros.reset_node", connector=CONNECTOR, **CLOCK)
        owner.ready()
        yield owner, nodes


def test_the_arm_pulls_the_plug_out_and_returns_to_the_start_with_its_noise(cell) -> None:
    owner, nodes = cell
    owner.insert()
    owner.episode(Event.SUCCESS)
    pressed = np.linalg.norm(owner.states[-1].wrench[:3])
    assert pressed > 20.0
    for seed in (3, 4):
        first = len(owner.states)
        result = owner.reset(connector=CONNECTOR, seed=seed, start_noise_m=1e-3)
        assert result.success, result.message
        pose = pose_from_msg(result.start_pose.pose).relative_to(START)
        assert np.abs(pose.position - draw_start_noise(seed)).max() < 3e-4
        assert np.abs(rotvec_from_quat(pose.quaternion)).max() < 3e-3
        at_ns = stamp_ns(result.start_pose.header.stamp)
        owner.until(lambda ns=at_ns: owner.states[-1].stamp_ns >= ns, "the state at the start")
        seen = owner.states[first:]
        assert max(np.abs(s.twist[:3]).max() for s in seen[20:]) < 2 * SPEED_M_S
        assert np.abs(owner.states[-1].wrench[:3]).max() < 1.0  # tared
        assert not owner.states[-1].inserted and result.robot_time_s > 0.5
    assert owner.feedback[0] == "retract" and {"return", "settle"} < set(owner.feedback)
    owner.until(lambda: owner.safety[-1].state == SafetyState.STATE_IDLE, "rest")
    assert {s.source for s in owner.safety[-20:]} == {SafetyState.SOURCE_RESET}
    assert nodes.stop() == {"sim_node": 0, "arbiter_node": 0, "reset_node": 0}


def test_what_may_not_move_is_refused_with_a_reason(cell) -> None:
    owner, _ = cell
    assert "expected uk-ac-plug" in owner.reset(connector="uk-ac-plug").message
    owner.move(-DOWN, 1.0)
    running, goal = owner.ask(start_noise_m=1e-3), owner.goal
    assert "runs already" in owner.reset().message
    goal.cancel_goal_async()
    assert owner.done(running, "the cancelled end").status == GoalStatus.STATUS_CANCELED

    owner.until(lambda: owner.safety[-1].state == SafetyState.STATE_IDLE, "rest")
    owner.episode(Event.START)
    owner.until(lambda: "waits" in owner.safety[-1].reason, "the episode")
    before = owner.states[-1].pose.position
    result = owner.reset(seed=1, start_noise_m=1e-3)
    assert not result.success and "in the way" in result.message
    assert any("an episode is running" in s.reason for s in owner.safety)
    assert np.abs(owner.states[-1].pose.position - before).max() < 1e-4
    owner.episode(Event.ABORT)

    stop = owner.node.create_client(Trigger, "/oda/stop")
    owner.done(stop.call_async(Trigger.Request()), "the stop")
    owner.until(lambda: owner.safety[-1].state == SafetyState.STATE_ABORT, "ABORT")
    owner.turn_for(0.2)
    assert "/oda/start first" in owner.reset().message


@pytest.mark.parametrize("victim", ["arbiter_node", "sim_node"])
def test_a_reset_ends_when_its_guard_or_the_robot_is_gone(cell, victim: str) -> None:
    owner, nodes = cell
    owner.move(np.array([0.02, 0.0, -0.02, 0.0, 0.0, 0.0]), 1.0)
    running = owner.ask(start_noise_m=0.0)
    owner.until(lambda: "return" in owner.feedback, "the motion")
    nodes.processes[victim].send_signal(signal.SIGKILL)
    result = owner.done(running, "the end").result
    topic = {"arbiter_node": "/oda/safety", "sim_node": "/oda/state"}[victim]
    silent = topic in result.message
    assert not result.success and (silent or "held by the arbiter" in result.message)
    if victim == "sim_node":  # the arbiter holds first
        owner.until(lambda: owner.safety[-1].state == SafetyState.STATE_IDLE, "the end of the hold")
    result = owner.reset()  # and the next one does not begin
    assert topic in result.message and result.robot_time_s == 0.0


def test_a_hand_takes_over_and_a_stop_ends_it(cell) -> None:
    owner, _ = cell
    owner.move(np.array([0.02, 0.0, -0.02, 0.0, 0.0, 0.0]), 1.0)
    running = owner.ask(start_noise_m=0.0)
    owner.until(lambda: "return" in owner.feedback, "the motion")
    away = np.array([0.02, 0.0, 0.0, 0.0, 0.0, 0.0])
    owner.move(away, 0.3)
    before = owner.pose().position[0]
    owner.move(away, 0.5)
    assert owner.pose().position[0] > before  # away from the start, by hand
    stop = owner.node.create_client(Trigger, "/oda/stop")
    owner.done(stop.call_async(Trigger.Request()), "the stop")
    result = owner.done(running, "the end").result
    assert not result.success and "stopped by the arbiter" in result.message
