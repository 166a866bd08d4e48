"""The whole graph of a demonstration, from the simulated robot to the bag."""

import signal
from pathlib import Path

import numpy as np
import pytest
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.bag import BagReport, read_episodes
from oda_core.messages import event_from_msg, step_from_msg
from oda_core.repair import repair
from oda_core.ros import qos
from oda_core.ros.marks import BY_OPERATOR, MARKS
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.seeds import operator_generator
from oda_core.types import Episode, Event, StepData, episode_from_steps
from oda_msgs.msg import Episode as EpisodeMsg
from oda_msgs.msg import Step
from oda_sim.env import InsertionEnv
from oda_sim.operator import Operator

pytestmark = pytest.mark.ros
CONNECTOR = "round-peg-10"
CLOCK = {"use_sim_time": True}


def start(nodes: Nodes, bag: Path, episodes: int = 3, **mode: object) -> None:
    """All nodes but the demo node."""
    lockstep = "realtime_factor" not in mode
    nodes.start("oda_sim.ros.sim_node", connector=CONNECTOR, lockstep=lockstep, **mode)
    nodes.start("oda_teleop.ros.arbiter_node", lockstep=lockstep, **CLOCK)
    nodes.start("oda_sim.ros.operator_node", connector=CONNECTOR, **CLOCK)
    nodes.start("oda_teleop.ros.recorder_node", output=str(bag), **CLOCK)
    nodes.start(
        "oda_teleop.ros.demo_node", connector=CONNECTOR, episodes=episodes, seed=3, session="s",
        **CLOCK,
    )  # fmt: skip


def record(directory: Path, bag: Path, **mode: object) -> tuple[list[Episode], list[StepData]]:
    """Three demonstrations; what the bag holds, and what was published."""
    with own_domain() as domain, Nodes(directory, domain) as nodes, Client(domain) as client:
        steps = client.collect(Step, "/oda/step", qos.STEP)
        start(nodes, bag, **mode)
        demo = nodes.processes["demo_node"]
        client.until(lambda: demo.poll() is not None, "the end of the session", 120.0)
        assert demo.returncode == 0, nodes.log("demo_node")
        codes = nodes.stop()
        assert set(codes.values()) == {0}, codes
    report = BagReport()
    episodes = list(read_episodes(bag, report))
    assert not report.dropped
    return episodes, [step_from_msg(step) for step in steps]


@pytest.fixture(scope="module")
def lockstep(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("lockstep")
    return record(directory, directory / "bag")


def equal(left: Episode, right: Episode) -> bool:
    names = ("observations", "actions", "rewards", "terminations", "truncations", "sources")
    same = all(np.array_equal(getattr(left, n), getattr(right, n)) for n in names)
    return same and left.end.event is right.end.event and left.end.seed == right.end.seed


def test_the_bag_holds_the_published_steps_bit_by_bit(lockstep) -> None:
    episodes, steps = lockstep
    assert sum(episode.success for episode in episodes) == 3 and episodes[-1].success
    for episode in episodes:
        mine = [step for step in steps if step.episode_id == episode.end.episode_id]
        assert equal(episode_from_steps(mine, episode.end), episode)
        assert set(episode.sources) == {1} and episode.end.peak_force_n > 0


def test_live_demonstrations_are_those_of_the_environment_bit_by_bit(lockstep) -> None:
    env = InsertionEnv(CONNECTOR, simulate_reset=False)
    for episode in lockstep[0]:
        observation, _ = env.reset(seed=episode.end.seed)
        operator = Operator(env.connector, operator_generator(episode.end.seed))
        assert np.array_equal(observation, episode.observations[0])
        for index in range(len(episode)):
            action = operator.act(env.last_state, env.start_pose)
            assert np.array_equal(action, episode.actions[index])
            observation, reward, terminated, truncated, _ = env.step(action)
            assert np.array_equal(observation, episode.observations[index + 1])
        assert reward == episode.rewards[-1]
        assert terminated is bool(episode.terminations[-1])
        assert truncated is bool(episode.truncations[-1])


def test_the_same_seed_gives_the_same_session(lockstep, tmp_path: Path) -> None:
    again, _ = record(tmp_path, tmp_path / "bag")
    assert len(again) == len(lockstep[0])
    assert all(equal(a, b) for a, b in zip(again, lockstep[0], strict=True))


def test_demonstrations_in_real_time(tmp_path: Path) -> None:
    episodes, _ = record(tmp_path, tmp_path / "bag", realtime_factor=2.0)
    assert sum(episode.success for episode in episodes) == 3


def test_an_operator_judges_two_demonstrations_and_the_bag_says_so(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        steps = client.collect(Step, "/oda/step", qos.STEP)
        marks = {v: client.node.create_client(Trigger, name) for name, v in MARKS.items()}
        start(nodes, bag, episodes=1, realtime_factor=1.0)
        verdicts = (Event.FAILURE, Event.SUCCESS)
        for number, verdict in enumerate(verdicts):
            client.until(lambda n=number: steps and steps[-1].episode_id == n, "a step", 60.0)
            answer = client.done(marks[verdict].call_async(Trigger.Request()), "the answer")
            assert answer.success, answer.message
        client.until(lambda: steps[-1].terminated, "the last step", 60.0)
        assert nodes.wait("demo_node", 10) == 0
        nodes.stop()
    episodes = list(read_episodes(bag))
    assert [episode.end.event for episode in episodes] == list(verdicts)
    assert episodes[0].end.reason == BY_OPERATOR
    for episode, success in zip(episodes, (False, True), strict=True):
        mine = [step_from_msg(s) for s in steps if s.episode_id == episode.end.episode_id]
        assert equal(episode_from_steps(mine, episode.end), episode)
        assert episode.rewards.sum() == float(episode.terminations[-1]) == float(success)


def test_what_is_taken_back_does_not_count_and_is_made_up_for(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        events = client.collect(EpisodeMsg, topics.EPISODE, qos.EVENTS)
        discard = client.node.create_client(Trigger, topics.RECORD_DISCARD)
        start(nodes, bag, episodes=2, realtime_factor=1.0)
        client.until(lambda: events and events[-1].event == EpisodeMsg.EVENT_SUCCESS, "one", 60.0)
        taken = events[-1].episode_id
        answer = client.done(discard.call_async(Trigger.Request()), "the answer")
        assert answer.message == f"episode {taken} is discarded"
        client.until(lambda: nodes.processes["demo_node"].poll() is not None, "the end", 90.0)
        assert set(nodes.stop().values()) == {0}
        assert f"episode {taken} is discarded by the operator; 0 of 2" in nodes.log("demo_node")
    report = BagReport()
    kept = [episode for episode in read_episodes(bag, report) if episode.success]
    assert len(kept) == 2 and taken not in {episode.end.episode_id for episode in kept}
    assert report.dropped == [f"episode {taken} of s: discarded by the operator"]


def test_a_killed_recorder_leaves_a_bag_that_is_mended(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        events = client.collect(EpisodeMsg, "/oda/episode", qos.EVENTS)
        start(nodes, bag, episodes=1000)

        def ended() -> list[int]:
            return [e.episode_id for e in map(event_from_msg, events) if e.event is not Event.START]

        client.until(lambda: len(ended()) >= 4, "four episodes", 120.0)
        nodes.processes["recorder_node"].send_signal(signal.SIGKILL)
        assert nodes.wait("recorder_node", 5) == -signal.SIGKILL
        done = ended()[:3]  # the fourth may have been on its way
        nodes.processes.pop("recorder_node")
        assert nodes.stop()["demo_node"] == 0
    assert repair(bag).original is not None
    found = {episode.end.episode_id for episode in read_episodes(bag)}
    assert found >= set(done)


def test_a_session_that_cannot_begin_names_what_is_missing(tmp_path: Path) -> None:
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes:
        nodes.start("oda_teleop.ros.demo_node", silence_s=2.0)
        assert nodes.wait("demo_node", 30) == 2
        for text in ("the robot or the simulation (/oda/state)", "the arbiter", "the recorder"):
            assert text in nodes.log("demo_node")


def test_an_interrupted_episode_is_recorded_as_aborted(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        steps = client.collect(Step, "/oda/step", qos.STEP)
        start(nodes, bag, realtime_factor=1.0)
        client.until(lambda: len(steps) > 3, "steps", 60.0)
        nodes.processes["demo_node"].send_signal(signal.SIGTERM)
        assert nodes.wait("demo_node", 5) == 0
        nodes.stop()
    report = BagReport()
    assert not list(read_episodes(bag, report))
    assert any("aborted, interrupted" in text for text in report.dropped)
