"""The simulated robot keeps the robot contract."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from rcl_interfaces.srv import DescribeParameters, ListParameters
from rclpy.action import ActionClient
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from oda_core.messages import stamp_ns, state_from_msg, twist_stamped
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.ros.types import rclpy_class
from oda_core.spec import TaskSpec
from oda_core.types import TcpState
from oda_msgs.action import Reset
from oda_msgs.msg import TcpState as TcpStateMsg
from oda_sim.env import InsertionEnv

pytestmark = pytest.mark.ros
SIM = "oda_sim.ros.sim_node"
CONNECTOR = "round-peg-10"
PERIOD_NS = TaskSpec().period_ns
DOWN = np.array([0.0, 0.0, 0.01, 0.0, 0.0, 0.0])


class Robot(Client):
    """Client of the simulated robot."""

    def __init__(self, domain: int) -> None:
        super().__init__(domain)
        self.states: list[TcpState] = []
        self.node.create_subscription(
            TcpStateMsg,
            "/oda/state",
            lambda msg: self.states.append(state_from_msg(msg)),
            qos.STATE_LOG,
        )
        self.commands = self.node.create_publisher(TwistStamped, "/oda/cmd/twist", qos.COMMAND)
        self.resets = ActionClient(self.node, Reset, "/oda/reset")
        self.feedback: list[str] = []

    def ready(self) -> "Robot":
        self.until(lambda: self.states, "a state")
        self.until(self.commands.get_subscription_count, "a subscriber of commands")
        self.until(self.resets.server_is_ready, "/oda/reset")
        return self

    def begin_reset(self, **goal: object):
        sent = self.resets.send_goal_async(
            Reset.Goal(**goal), feedback_callback=lambda m: self.feedback.append(m.feedback.phase)
        )
        return self.done(sent, "an answer to the reset")

    def reset(self, **goal: object) -> Reset.Result:
        """Reset; on success, the newest state is that at the start."""
        end = self.done(self.begin_reset(**goal).get_result_async(), "the end of the reset").result
        at_ns = stamp_ns(end.start_pose.header.stamp)
        self.until(lambda: not end.success or self.states[-1].stamp_ns >= at_ns, "the start state")
        return end

    def command(self, at_ns: int, twist: np.ndarray, frame: str = "oda_tcp") -> None:
        message = twist_stamped(at_ns, twist, rclpy_class)
        message.header.frame_id = frame
        self.commands.publish(message)

    def period(self, twist: np.ndarray) -> list[TcpState]:
        """Command for the newest state in lock-step; the states that follow."""
        before = self.states[-1].stamp_ns
        self.command(before, twist)
        self.until(lambda: self.states[-1].stamp_ns >= before + PERIOD_NS, "the next boundary")
        return [state for state in self.states if state.stamp_ns > before]


@pytest.fixture
def domain():
    with own_domain() as number:
        yield number


@pytest.fixture
def lockstep(domain: int, tmp_path: Path):
    with Nodes(tmp_path, domain) as nodes, Robot(domain) as robot:
        nodes.start(SIM, connector=CONNECTOR, lockstep=True)
        yield robot.ready()
        assert nodes.stop() == {"sim_node": 0}


def same(left: TcpState, right: TcpState) -> bool:
    """Equal but for the stamp."""
    rows = [np.concatenate([*s.pose, s.twist, s.wrench]) for s in (left, right)]
    return np.array_equal(*rows) and left.inserted == right.inserted


def test_lockstep_stands_still_until_the_right_command(lockstep: Robot) -> None:
    result = lockstep.reset(connector=CONNECTOR, seed=5, start_noise_m=1e-3)
    assert result.success and result.robot_time_s > 0.1
    # the result and the feedback are different topics: the last phase may arrive after the result
    lockstep.until(lambda: lockstep.feedback[-1:] == ["tare"], "the last phase of the reset")
    assert set(lockstep.feedback) > {"tare"}
    start_ns = stamp_ns(result.start_pose.header.stamp)
    clocks = lockstep.collect(Clock, "/clock", qos.profile(10))
    reports = lockstep.collect(DiagnosticArray, "/diagnostics", qos.profile(10))
    count = len(lockstep.states)
    lockstep.until(lambda: len(lockstep.states) > count + 1, "the repeated state")

    lockstep.command(start_ns, DOWN, frame="oda_base")
    lockstep.command(start_ns, DOWN, frame="")
    lockstep.command(start_ns, np.full(6, np.nan))
    lockstep.command(start_ns - 10_000_000, DOWN)
    lockstep.command(start_ns + 10_000_000, DOWN)

    def refused() -> bool:
        values = [v for r in reports for s in r.status for v in s.values if v.key == "refused"]
        return bool(values) and int(values[-1].value) >= 1

    lockstep.until(refused, "the count of refused commands")
    lockstep.until(lambda: len(clocks) > 2, "the repeated clock")
    assert {stamp_ns(clock.clock) for clock in clocks} == {start_ns}
    assert lockstep.states[-1].stamp_ns == start_ns

    states = lockstep.period(DOWN)
    stamps = [state.stamp_ns for state in states]
    assert stamps == [start_ns + 10_000_000 * i for i in range(1, 11)]
    depth = states[-1].pose.position[2] - result.start_pose.pose.position.z
    assert -1.5e-3 < depth < -0.3e-3  # z of the TCP points down
    lockstep.command(start_ns, DOWN)  # what was executed already
    lockstep.turn_for(0.5)
    assert lockstep.states[-1].stamp_ns == stamps[-1]


def test_an_episode_depends_on_its_seed_only_and_agrees_with_the_environment(
    lockstep: Robot,
) -> None:
    rng = np.random.default_rng(0)
    twists = [rng.uniform(-1, 1, 6) * TaskSpec().action_scale for _ in range(12)]
    runs = []
    for seed in (7, 8, 7):
        assert lockstep.reset(seed=seed, start_noise_m=1e-3).success
        before = lockstep.states[-1]
        runs.append([before, *(lockstep.period(twist)[-1] for twist in twists)])
    assert all(same(a, b) for a, b in zip(runs[0], runs[2], strict=True))
    assert not same(runs[0][0], runs[1][0])
    env = InsertionEnv(CONNECTOR)
    env.reset(seed=7)
    assert same(env.last_state, runs[0][0])
    for twist, state in zip(twists, runs[0][1:], strict=True):
        env.sim.apply(twist)
        env.sim.step(PERIOD_NS)
        assert same(env.sim.state(), state)


def test_resets_are_refused_and_cancelled_with_reasons(lockstep: Robot) -> None:
    wrong = lockstep.reset(connector="another")
    assert not wrong.success and "expected another" in wrong.message
    assert lockstep.reset(seed=1).success
    for _ in range(5):
        lockstep.period(DOWN * 2)
    goal = lockstep.begin_reset(seed=2)
    second = lockstep.begin_reset(seed=3)
    goal.cancel_goal_async()
    ends = [lockstep.done(g.get_result_async(), "the end").result for g in (goal, second)]
    assert any("runs already" in end.message or end.success for end in ends)
    before = lockstep.states[-1]
    after = lockstep.period(np.zeros(6))[-1]
    assert after.stamp_ns > before.stamp_ns
    assert lockstep.reset(seed=4).success


def test_standard_topics_and_tare(lockstep: Robot) -> None:
    joints = lockstep.collect(JointState, "/joint_states", qos.profile(1000))
    assert lockstep.reset(seed=1).success

    def moved() -> bool:
        lockstep.period(np.zeros(6))
        return len(joints) >= 10

    lockstep.until(moved, "joint states")
    assert list(joints[-1].name) == [f"lbr_A{i}" for i in range(1, 8)]
    stamps = np.array([stamp_ns(message.header.stamp) for message in joints])
    assert np.median(np.diff(stamps)) == 20_000_000
    tare = lockstep.node.create_client(Trigger, "/oda/tare")
    lockstep.until(tare.service_is_ready, "/oda/tare")
    assert lockstep.done(tare.call_async(Trigger.Request()), "the tare").success


def test_every_parameter_is_described(lockstep: Robot) -> None:
    names = lockstep.node.create_client(ListParameters, "/sim/list_parameters")
    describe = lockstep.node.create_client(DescribeParameters, "/sim/describe_parameters")
    lockstep.until(describe.service_is_ready, "the parameter services")
    found = lockstep.done(names.call_async(ListParameters.Request()), "the names").result.names
    own = [name for name in found if name not in ("use_sim_time", "start_type_description_service")]
    assert {"connector", "seed", "lockstep", "realtime_factor"} <= set(own)
    request = DescribeParameters.Request(names=own)
    for descriptor in lockstep.done(describe.call_async(request), "descriptions").descriptors:
        assert descriptor.description, descriptor.name
        if descriptor.name == "realtime_factor":
            assert descriptor.floating_point_range[0].to_value == 50.0


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"conector": CONNECTOR}, "unknown conector; known are connector"),
        ({"connector": "nothing"}, "nothing"),
        ({"realtime_factor": 0.0}, "expected 0.01 to 50.0"),
        ({"lockstep": 3}, "expected bool"),
        ({"headless": False}, "set headless to true"),
    ],
)
def test_bad_parameters_end_with_one_clear_line(
    domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: dict, line: str
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with Nodes(tmp_path, domain) as nodes:
        name = nodes.start(SIM, **parameters)
        assert nodes.wait(name, 30) == 2
        assert line in nodes.log(name) and "Traceback" not in nodes.log(name)


def test_real_time_runs_at_its_factor_and_forgets_stale_commands(
    domain: int, tmp_path: Path
) -> None:
    with Nodes(tmp_path, domain) as nodes, Robot(domain) as robot:
        nodes.start(SIM, connector=CONNECTOR, realtime_factor=2.0)
        robot.ready()
        assert robot.reset(seed=1).success
        first, began = robot.states[-1].stamp_ns, time.monotonic()
        robot.until(lambda: robot.states[-1].stamp_ns > first + 2_000_000_000, "two seconds")
        factor = 2.0 / (time.monotonic() - began)
        assert 1.5 < factor < 2.2
        robot.command(robot.states[-1].stamp_ns, DOWN)
        robot.until(lambda: np.abs(robot.states[-1].twist[2]) > 5e-3, "the motion")
        robot.until(lambda: np.abs(robot.states[-1].twist).max() < 5e-4, "the rest")
        held = robot.states[-1]
        robot.command(held.stamp_ns - 300_000_000, DOWN)
        robot.turn_for(0.5)
        moved = np.abs(robot.states[-1].pose.position - held.pose.position).max()
        assert moved < 1e-4 and "0.3" in nodes.log("sim_node")
        began = time.monotonic()
        assert nodes.stop(signal.SIGTERM) == {"sim_node": 0}
        assert time.monotonic() - began < 3.0  # the machine may be busy; it takes 0.2 s
