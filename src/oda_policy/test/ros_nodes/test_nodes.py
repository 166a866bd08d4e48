"""Adaptation on live nodes: whole, killed and continued, stopped, and with bad input."""

import hashlib
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from harness import CONNECTOR, Client, Graph, figures, make_checkpoint, make_demonstrations

from oda_core import topics
from oda_core.messages import event_from_msg, step_from_msg
from oda_core.ros import qos
from oda_core.ros.testing import own_domain
from oda_core.types import Event, episode_from_steps
from oda_msgs.action import Adapt
from oda_msgs.msg import Episode as EpisodeMsg
from oda_msgs.msg import Step, Weights
from oda_policy.ros.store import EpisodeStore

pytestmark = [pytest.mark.ros, pytest.mark.slow]
SEED = 1


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Running nodes and a client; a test that kills a node starts it again."""
    folder = tmp_path_factory.mktemp("world")
    make_checkpoint(folder / "checkpoint.safetensors")
    make_demonstrations(folder / "demos")
    trainer = {
        "checkpoint": folder / "checkpoint.safetensors", "updates_per_step": 0.25, "batch": 16,
        "context": 32, "warmup_updates": 5, "save_every": 3, "device": "cpu",
    }  # fmt: skip
    adapt = {"window": 6, "hopeless_episodes": 0, "silence_s": 6.0}
    sim = {"depth_m": 0.02}
    with own_domain() as domain:
        graph = Graph(folder, domain, {"trainer": trainer, "adapt": adapt, "sim": sim})
        world = SimpleNamespace(graph=graph, client=Client(domain), folder=folder)
        graph.start()
        yield world
        world.client.close()
        codes = graph.stop()
    assert set(codes.values()) <= {0}, codes


def goal(world, name, **changes):
    values = {
        "connector": CONNECTOR, "demonstrations": str(world.folder / "demos"),
        "output": str(world.folder / name / "session"), "seed": SEED, "trials": 5,
        "max_training_episodes": 9, "max_robot_minutes": 30.0,
    }  # fmt: skip
    return Adapt.Goal(**(values | changes))


@pytest.fixture(scope="module")
def whole(world):
    """Result and figures of a session that nothing disturbed."""
    seen = []
    status, result = world.client.run(goal(world, "whole"), seen.append)
    assert status == GoalStatus.STATUS_SUCCEEDED, result.message
    return SimpleNamespace(result=result, feedback=seen, figures=figures(world, "whole"))


def test_a_whole_adaptation_reports_what_it_did(world, whole):
    report, digests = whole.figures
    trained = report["training_episodes"]
    assert 0 < trained <= 9
    assert report["episodes"] == {"evaluate_initial": 5, "finetune": trained, "evaluate_final": 5}
    assert sorted(digests) == list(range(10 + trained))
    assert [f.episode_id for f in whole.feedback[1:]] == sorted(digests)
    assert whole.feedback[0].phase == "encode"
    versions = [o["policy_version"] for o in report["outcomes"]]
    assert versions == [0] * 5 + [max(0, k - 2) for k in range(1, trained + 1)] + [trained] * 5
    assert report["updates"] >= 5
    assert len(report["encoding"]["mean"]) == 5
    assert len(set(digests.values())) == len(digests)
    assert world.folder.joinpath("whole/session/report.html").stat().st_size > 1000
    assert whole.result.robot_time_s == pytest.approx(report["robot_time_s"]["total"])


def test_steps_hold_the_executed_actions_and_the_robot_time_counts_resets(world, whole):
    store = EpisodeStore(world.folder / "whole" / "session" / "trainer" / "episodes")
    episodes = store.episodes()
    outcomes = whole.figures[0]["outcomes"]
    for episode, outcome in zip(episodes, outcomes, strict=True):
        moved = np.diff(episode.observations[:, :3], axis=0)  # in units of 10 mm
        np.testing.assert_allclose(moved, 0.2 * episode.actions[:, :3], atol=1e-5)
        assert outcome["steps"] == len(episode)
        assert outcome["robot_time_s"] == pytest.approx(5.0 + 0.1 * len(episode))
        assert outcome["peak_force_n"] == pytest.approx(
            20 * np.linalg.norm(episode.observations[:, 12:15], axis=1).max(), rel=1e-5
        )
        assert episode.success == episode.terminations[-1]


def test_the_same_seed_gives_the_same_steps_and_figures(world, whole):
    world.client.run(goal(world, "again"))
    assert figures(world, "again") == whole.figures


def test_only_the_learner_loads_torch(world, whole):
    maps = {n: Path(f"/proc/{p.pid}/maps") for n, p in world.graph.processes.items()}
    assert {name for name, path in maps.items() if "libtorch" in path.read_text()} == {"trainer"}


def test_another_seed_gives_other_steps(world, whole):
    world.client.run(goal(world, "other", seed=SEED + 1, trials=1, max_training_episodes=1))
    assert figures(world, "other")[1][0] != whole.figures[1][0]


@pytest.mark.parametrize("victim", ["trainer", "adapt", "policy"])
def test_killed_at_random_episodes_and_continued_it_counts_the_same(world, whole, victim):
    rng = np.random.default_rng(sum(victim.encode()))
    last = len(whole.figures[1])
    kills = sorted(rng.choice(np.arange(1, last - 1), 2, replace=False).tolist())
    name = f"killed-{victim}"
    for episode_id in kills:
        kill_at(world, name, victim, episode_id, rng.integers(1, 15))
        world.graph.restart(victim)
    status, result = world.client.run(goal(world, name))
    assert status == GoalStatus.STATUS_SUCCEEDED, result.message
    assert figures(world, name) == whole.figures


def kill_at(world, name, victim, episode_id, turns):
    """Run until an episode was counted and a few messages more; kill -9; wait for the end."""
    newest = [-1]
    client, graph = world.client, world.graph
    _, result = client.start(goal(world, name), lambda f: newest.append(f.episode_id))
    client.until(lambda: newest[-1] >= episode_id or result.done(), 120, f"episode {episode_id}")
    assert not result.done(), result.result().result.message
    for _ in range(turns):
        client.executor.spin_once(0.005)
    graph.kill(victim)
    if victim == "adapt":
        client.close()  # a new one does not know the dead server
        world.client = Client(graph.domain)
        return
    client.until(result.done, 60, "the end of the goal")
    assert result.result().status == GoalStatus.STATUS_ABORTED
    silent = {"trainer": "/oda/trainer/status: silent", "policy": "/oda/step: silent"}[victim]
    assert silent in result.result().result.message


def test_a_cancelled_goal_stops_and_continues(world, whole):
    newest = [-1]
    client = world.client
    handle, result = client.start(goal(world, "cancel"), lambda f: newest.append(f.episode_id))
    client.until(lambda: newest[-1] >= 3)
    handle.cancel_goal_async()
    client.until(result.done, 20)
    assert result.result().status == GoalStatus.STATUS_CANCELED
    assert "resumed" in result.result().result.message
    assert client.run(goal(world, "cancel"))[0] == GoalStatus.STATUS_SUCCEEDED
    assert figures(world, "cancel") == whole.figures


@pytest.mark.parametrize("verdict", [Event.SUCCESS, Event.FAILURE])
def test_an_operators_mark_ends_the_episode_alike_in_steps_event_and_store(world, verdict):
    client, name = world.client, f"mark-{verdict.name}"
    answer = client.call(f"/oda/mark_{verdict.name.lower()}")
    assert not answer.success
    assert "no episode is running" in answer.message
    steps, events = [], []
    node = client.node
    heard = (
        node.create_subscription(Step, topics.STEP, steps.append, qos.profile(1000)),
        node.create_subscription(EpisodeMsg, topics.EPISODE, events.append, qos.profile(100)),
    )
    session = {"trials": 10, "max_training_episodes": 1}
    _, result = client.start(goal(world, name, **session))
    ends = []

    def caught():
        """An episode may end by itself while the mark is under way: then the next one is tried."""
        before = len(events)
        if not client.call(f"/oda/mark_{verdict.name.lower()}").success:
            return False
        client.until(lambda: any(e.event for e in events[before:]), what="the end")
        ends.append(event_from_msg(next(e for e in events[before:] if e.event)))
        return ends[-1].event is verdict

    client.until(caught, what="an episode to mark")
    client.until(result.done, 60)
    assert result.result().status == GoalStatus.STATUS_SUCCEEDED
    end = ends[-1]
    marked = end.episode_id
    mine = [step_from_msg(s) for s in steps if s.episode_id == marked]
    store = EpisodeStore(world.folder / name / "session" / "trainer" / "episodes")
    (stored,) = (e for e in store.episodes() if e.end.episode_id == marked)
    joined = episode_from_steps(mine, end)
    assert end.event is stored.end.event is verdict
    assert 1 <= end.steps == len(stored) < 80
    for field in ("observations", "actions", "rewards", "terminations", "truncations"):
        np.testing.assert_array_equal(getattr(joined, field), getattr(stored, field))
    assert stored.rewards.sum() == stored.rewards[-1] == float(verdict is Event.SUCCESS)
    for subscription in heard:
        node.destroy_subscription(subscription)


def test_a_finished_session_is_only_reported_again(world, whole):
    status, result = world.client.run(goal(world, "whole"))
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert result.message == whole.result.message
    assert figures(world, "whole") == whole.figures


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"demonstrations": "/nowhere"}, "/nowhere"),
        ({"connector": "other"}, "expected other"),
        ({"trials": 0}, "initial_trials"),
    ],
)
def test_a_bad_goal_is_refused_with_its_reason(world, changes, reason):
    status, result = world.client.run(goal(world, "bad" + reason.strip("/"), **changes))
    assert status == GoalStatus.STATUS_ABORTED
    assert reason in result.message
    assert not result.report_json


def test_a_silent_state_with_nan_moves_nothing_and_is_named(world):
    newest = [-1]
    client = world.client
    _, result = client.start(goal(world, "nan"), lambda f: newest.append(f.episode_id))
    client.until(lambda: newest[-1] >= 1)
    client.call("/test/corrupt")
    client.until(result.done, 60)
    assert "/oda/step: silent" in result.result().result.message
    assert "expected finite numbers" in world.graph.log("policy")
    client.call("/test/mend")
    assert client.run(goal(world, "nan"))[0] == GoalStatus.STATUS_SUCCEEDED


def test_damaged_weights_are_refused_and_change_nothing(world, whole):
    publisher = world.client.node.create_publisher(Weights, topics.WEIGHTS, qos.latched(4))
    world.client.until(lambda: publisher.get_subscription_count() > 0)
    data = (world.folder / "whole/session/trainer/weights/000009.safetensors").read_bytes()
    good = hashlib.sha256(data).hexdigest()
    for version, sha256, content in ((1, good, data[:-1]), (8, good, data)):
        message = Weights(session="foreign", version=version, sha256=sha256)
        message.data.frombytes(content)
        publisher.publish(message)
    log = world.graph.log
    world.client.until(lambda: "damaged on the way" in log("policy"))
    world.client.until(lambda: "the bytes are of version 9" in log("policy"))
    world.client.node.destroy_publisher(publisher)
    world.client.run(goal(world, "damaged"))
    assert figures(world, "damaged") == whole.figures


def test_a_failed_reset_is_tried_again_and_costs_its_time(world, whole):
    world.client.call("/test/fail_reset")
    status, result = world.client.run(goal(world, "jammed"))
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert "jammed" in world.graph.log("adapt")
    assert result.robot_time_s == pytest.approx(whole.result.robot_time_s + 5.0)
    assert figures(world, "jammed")[1] == whole.figures[1]


def test_a_safety_abort_stops_the_session_until_a_person_recovers(world, whole):
    newest = [-1]
    client = world.client
    _, result = client.start(goal(world, "safety"), lambda f: newest.append(f.episode_id))
    client.until(lambda: newest[-1] >= 2)
    client.call("/test/abort")
    client.until(result.done, 60)
    assert "/oda/start" in result.result().result.message
    status, refused = client.run(goal(world, "safety"))
    assert status == GoalStatus.STATUS_ABORTED
    assert "stopped the robot" in refused.message
    client.call("/test/mend")
    assert client.run(goal(world, "safety"))[0] == GoalStatus.STATUS_SUCCEEDED
    assert figures(world, "safety") == whole.figures


def test_interrupted_nodes_end_at_once_with_code_zero(world):
    newest = [-1]
    world.client.start(goal(world, "interrupt"), lambda f: newest.append(f.episode_id))
    world.client.until(lambda: newest[-1] >= 1)
    for process in world.graph.processes.values():
        process.send_signal(signal.SIGINT)
    codes = {name: p.wait(timeout=15) for name, p in world.graph.processes.items()}
    assert set(codes.values()) <= {0}, codes
    world.graph.processes = {}
