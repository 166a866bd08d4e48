"""The arbiter between commands and the simulated robot, as processes."""

from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from oda_core.messages import (
    event_to_msg,
    header,
    stamp_ns,
    state_from_msg,
    twist_from_msg,
    twist_stamped,
)
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.ros.types import rclpy_class
from oda_core.types import EpisodeEvent, Event, Purpose
from oda_msgs.msg import Episode, SafetyState, TcpState

pytestmark = pytest.mark.ros
DOWN = np.array([0.0, 0.0, 0.01, 0.0, 0.0, 0.0])


class Desk(Client):
    """Where policy and operator sit."""

    def __init__(self, domain: int) -> None:
        super().__init__(domain)
        create = self.node.create_publisher
        self.policy = create(TwistStamped, "/oda/policy/twist", qos.GUARDED)
        self.human = create(TwistStamped, "/oda/teleop/twist", qos.COMMAND)
        self.episodes = create(Episode, "/oda/episode", qos.EVENTS)
        self.states = self.collect(TcpState, "/oda/state", qos.STATE_LOG)
        self.safety = self.collect(SafetyState, "/oda/safety", qos.EVENTS)
        self.executed = self.collect(TwistStamped, "/oda/cmd/twist", qos.COMMAND_LOG)
        for name in ("start", "stop"):
            setattr(self, name, self.node.create_client(Trigger, f"/oda/{name}"))

    def ready(self) -> "Desk":
        self.until(lambda: self.states and self.safety, "a state and the arbiter")
        for publisher in (self.policy, self.human, self.episodes):
            self.until(publisher.get_subscription_count, publisher.topic_name)
        self.until(lambda: self.node.count_subscribers("/oda/cmd/twist") > 1, "the robot")
        return self

    def now_ns(self) -> int:
        return stamp_ns(self.states[-1].header.stamp)

    def give(self, publisher, twist=DOWN, at_ns=None, frame="oda_tcp") -> int:
        at_ns = self.now_ns() if at_ns is None else at_ns
        message = twist_stamped(at_ns, twist, rclpy_class)
        message.header.frame_id = frame
        publisher.publish(message)
        return at_ns

    def repeat(self, ready) -> list[int]:
        """Give the policy's twist as a policy does, until it is answered as it should; the stamps.

        The first ones may find an arbiter that has not heard clock and state yet.
        """
        given: list[int] = []

        def again() -> bool:
            given.append(self.give(self.policy))
            self.turn_for(0.3)  # an early one is held for half of that
            return ready()

        self.until(again, "the answer to the policy's twist")
        return given

    def episode(self, event: Event) -> None:
        self.episodes.publish(
            event_to_msg(
                EpisodeEvent(stamp_ns=self.now_ns(), session="t", episode_id=0, connector="c",
                             purpose=Purpose.TRAINING, event=event),
                rclpy_class,
            )
        )  # fmt: skip
        word = "waits" if event is Event.START else "ended"
        self.until(lambda: word in self.safety[-1].reason, "the episode at the arbiter")

    def reason(self, text: str) -> None:
        self.until(lambda: text in self.safety[-1].reason, f"the reason {text!r}", 10.0)

    def call(self, client) -> None:
        self.until(client.service_is_ready, "the service")
        assert self.done(client.call_async(Trigger.Request()), "the answer").success

    def speed(self) -> float:
        return float(np.abs(state_from_msg(self.states[-1]).twist).max())


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest):
    lockstep = request.param == "lockstep"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Desk(domain) as client:
        nodes.start("oda_sim.ros.sim_node", lockstep=lockstep)
        nodes.start("oda_teleop.ros.arbiter_node", lockstep=lockstep, use_sim_time=True)
        client.nodes = nodes
        yield client.ready()
        assert nodes.stop() == {"sim_node": 0, "arbiter_node": 0}


@pytest.mark.parametrize("desk", ["lockstep", "realtime"], indirect=True)
def test_bad_commands_are_refused_with_a_reason_and_nothing_moves(desk: Desk) -> None:
    desk.episode(Event.START)
    before = state_from_msg(desk.states[-1])
    desk.give(desk.policy, frame="oda_base")
    desk.reason("found frame 'oda_base', expected 'oda_tcp'")
    desk.give(desk.human, frame="")
    desk.reason("found frame ''")
    desk.give(desk.policy, twist=np.array([0, 0, np.nan, 0, 0, 0]))
    desk.reason("expected finite numbers")
    desk.give(desk.policy, at_ns=desk.now_ns() + 400_000_000)
    desk.reason("use one clock")
    if desk.now_ns() > 1_000_000_000:
        desk.give(desk.human, at_ns=desk.now_ns() - 300_000_000)
        desk.reason("s old, expected at most 0.25 s")
    desk.turn_for(0.5)
    after = state_from_msg(desk.states[-1])
    assert np.abs(after.pose.position - before.pose.position).max() < 2e-5
    assert not desk.executed and desk.safety[-1].refused >= 4
    before = desk.safety[-1].refused
    for _ in range(8):  # at once: none hides another
        desk.give(desk.policy, frame="oda_base")
    desk.until(lambda: desk.safety[-1].refused == before + 8, "a refusal of each")
    assert "refused" in desk.nodes.log("arbiter_node")


@pytest.mark.parametrize("desk", ["realtime"], indirect=True)
def test_a_policy_moves_the_robot_a_human_overrules_it_and_silence_aborts(desk: Desk) -> None:
    desk.repeat(lambda: "refused policy twist: no episode" in desk.safety[-1].reason)
    assert not desk.executed
    desk.episode(Event.START)
    given = desk.repeat(lambda: desk.executed)
    at_ns = given[-1]
    assert stamp_ns(desk.executed[0].header.stamp) in given
    assert np.array_equal(twist_from_msg(desk.executed[0].twist), DOWN)
    desk.until(lambda: desk.now_ns() > at_ns + 60_000_000, "time to turn round")
    desk.give(desk.human, -DOWN)
    desk.until(lambda: desk.safety[-1].source == SafetyState.SOURCE_HUMAN, "the human's turn")
    count = len(desk.executed)
    desk.give(desk.policy)
    desk.until(lambda: desk.safety[-1].state == SafetyState.STATE_HOLD, "the hold")
    policy = [m for m in desk.executed[count:] if twist_from_msg(m.twist)[2] > 0]
    assert not policy
    desk.until(lambda: desk.safety[-1].state == SafetyState.STATE_ABORT, "the abort", 10.0)
    desk.until(lambda: desk.speed() < 5e-4, "the rest")
    desk.give(desk.human)
    desk.reason("call /oda/start")
    desk.call(desk.start)
    desk.give(desk.human)
    desk.until(lambda: desk.safety[-1].state == SafetyState.STATE_ACTIVE, "the recovery")
    desk.call(desk.stop)
    desk.reason("stopped by /oda/stop")


@pytest.mark.parametrize("desk", ["lockstep"], indirect=True)
def test_a_twist_may_overtake_its_start_and_trail_its_end(desk: Desk) -> None:
    at_ns = desk.give(desk.policy)
    desk.episode(Event.START)
    desk.until(lambda: desk.executed, "the executed twist")
    assert [stamp_ns(m.header.stamp) for m in desk.executed] == [at_ns]
    desk.until(lambda: desk.now_ns() >= at_ns + 100_000_000, "the next boundary")
    desk.episode(Event.SUCCESS)
    desk.give(desk.policy)
    desk.turn_for(0.5)
    assert len(desk.executed) == 1 and desk.safety[-1].refused == 0
    assert "refused" not in desk.nodes.log("arbiter_node")


@pytest.mark.parametrize("desk", ["lockstep"], indirect=True)
def test_the_stop_button_holds_a_lockstep_robot_and_limits_change_while_it_runs(desk: Desk) -> None:
    desk.episode(Event.START)
    at_ns = desk.give(desk.policy)
    desk.until(lambda: desk.now_ns() >= at_ns + 100_000_000, "the next boundary")
    limits = AsyncParameterClient(desk.node, "/arbiter")
    desk.until(limits.services_are_ready, "the parameter services")
    lower = [Parameter("limits.linear_m_s", value=0.001)]
    answer = desk.done(limits.set_parameters(lower), "the new limit")
    assert answer.results[0].successful, answer.results[0].reason
    wrong = desk.done(limits.set_parameters([Parameter("limits.linear_m_s", value=9.0)]), "it")
    assert not wrong.results[0].successful
    at_ns = desk.give(desk.policy)
    desk.until(lambda: desk.now_ns() >= at_ns + 100_000_000, "the next boundary")
    assert twist_from_msg(desk.executed[-1].twist)[2] == 0.001 and desk.safety[-1].limited
    desk.call(desk.stop)
    stopped_ns = desk.now_ns()
    desk.give(desk.policy)
    desk.reason("call /oda/start")
    desk.turn_for(0.5)
    assert desk.now_ns() == stopped_ns


@pytest.mark.parametrize("desk", ["realtime"], indirect=True)
def test_one_wrong_clock_message_stops_an_episode(desk: Desk) -> None:
    """It is over 10 ms later, before a watchdog that only looks now and then could see it."""
    clock = desk.node.create_publisher(Clock, "/clock", qos.profile(10))
    desk.until(clock.get_subscription_count, "the arbiter's clock")
    for jump_s in (10, -3, 10, -3):
        desk.turn_for(0.2)
        desk.episode(Event.START)
        desk.until(lambda: desk.now_ns() > 5_000_000_000, "a time from which to jump back", 10.0)
        at_ns = desk.now_ns() + jump_s * 1_000_000_000
        clock.publish(Clock(clock=header(at_ns, "", rclpy_class).stamp))
        desk.reason("ROS time jumped")
        assert desk.safety[-1].state == SafetyState.STATE_ABORT
        desk.call(desk.start)
