"""The parts of the nodes that need no ROS."""

import dataclasses
import hashlib
import json
import threading

import numpy as np
import pytest
import torch
from harness import CONNECTOR, make_checkpoint, make_demonstrations
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from oda_core.errors import BufferFileError, CheckpointError, ContractError, SessionError
from oda_core.se3 import Pose
from oda_core.spec import TaskSpec
from oda_core.types import Episode, EpisodeEvent, Event, Purpose, TcpState, steps_of
from oda_policy.adapt import Outcome
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import AdaptConfig, FinetuneConfig
from oda_policy.finetune import Finetuner
from oda_policy.policy import PolicySnapshot, snapshot
from oda_policy.ros.acting import Acting
from oda_policy.ros.collector import Collector
from oda_policy.ros.demonstrations import content_sha256, load_demonstrations
from oda_policy.ros.learner import Identity, Learner
from oda_policy.ros.session import Session
from oda_policy.ros.store import EpisodeStore
from oda_policy.ros.weights import KEPT, WeightsStore

SPEC = TaskSpec()
START = EpisodeEvent(
    stamp_ns=1_000, session="s", episode_id=4, connector=CONNECTOR, purpose=Purpose.EVALUATION,
    event=Event.START, seed=9, max_steps=5,
)  # fmt: skip
IDENTITY = Identity(
    session="s", connector=CONNECTOR, seed=0, demonstrations_sha256="d", checkpoint_sha256="c"
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    make_checkpoint(folder / "checkpoint.safetensors")
    make_demonstrations(folder / "demos")
    return folder


@pytest.fixture(scope="module")
def checkpoint(inputs):
    return Checkpoint.load(inputs / "checkpoint.safetensors")


@pytest.fixture(scope="module")
def demos(inputs):
    return load_demonstrations(inputs / "demos", CONNECTOR)


def policy(checkpoint, version=0, spec=SPEC):
    return snapshot(checkpoint.agent(), torch.zeros(5), version, spec)


def state(stamp_ns, *, inserted=False, z=0.0):
    return TcpState(
        stamp_ns=stamp_ns, pose=Pose(np.array([0.0, 0.0, z]), Pose.identity().quaternion),
        twist=np.zeros(6), wrench=np.zeros(6), inserted=inserted,
    )  # fmt: skip


def episode(episode_id, steps=7, purpose=Purpose.TRAINING, seed=0):
    rng = np.random.default_rng([seed, episode_id])
    last = np.arange(steps) == steps - 1
    end = dataclasses.replace(
        START, episode_id=episode_id, purpose=purpose, event=Event.SUCCESS, steps=steps
    )
    return Episode(
        end=end,
        observations=rng.normal(size=(steps + 1, 18)).astype(np.float32),
        actions=rng.uniform(-1, 1, (steps, 6)).astype(np.float32),
        rewards=last.astype(np.float32),
        terminations=last,
        truncations=np.zeros(steps, bool),
        sources=np.zeros(steps, np.uint8),
    )


# acting


def test_acts_at_ticks_only_and_repeats_the_command_of_a_repeated_state(checkpoint):
    acting = Acting(START, policy(checkpoint), SPEC)
    assert not acting.is_tick(START.stamp_ns - 1)
    assert acting.is_tick(START.stamp_ns)
    first = acting.command(state(START.stamp_ns))
    assert acting.repeats(START.stamp_ns) is first
    assert not acting.is_tick(START.stamp_ns + SPEC.period_ns - 1)
    assert acting.is_tick(START.stamp_ns + SPEC.period_ns)
    assert acting.repeats(START.stamp_ns + SPEC.period_ns) is None


def test_the_same_episode_gives_the_same_commands_and_another_id_others(checkpoint):
    def commands(start):
        acting = Acting(start, policy(checkpoint), SPEC)
        stamps = START.stamp_ns + SPEC.period_ns * np.arange(5)
        return np.array([acting.command(state(int(s))).twist for s in stamps])

    np.testing.assert_array_equal(commands(START), commands(START))
    assert not np.allclose(commands(START), commands(dataclasses.replace(START, episode_id=5)))
    still = commands(dataclasses.replace(START, deterministic=True))
    np.testing.assert_array_equal(still, np.broadcast_to(still[0], still.shape))


@pytest.mark.parametrize("inserted_at", [2, 99])
def test_never_commands_after_the_last_tick(checkpoint, inserted_at):
    acting = Acting(START, policy(checkpoint), SPEC)
    commands = []
    for i in range(9):
        stamp = START.stamp_ns + i * SPEC.period_ns
        if acting.is_tick(stamp):
            commands.append(acting.command(state(stamp, inserted=i == inserted_at)))
    expected = min(inserted_at, START.max_steps)
    assert [c is None for c in commands] == [False] * expected + [True]


# weights


def sealed(snapshot_):
    data = snapshot_.to_bytes()
    return hashlib.sha256(data).hexdigest(), data


def test_keeps_the_newest_versions_of_one_session(checkpoint):
    store = WeightsStore(SPEC)
    for version in range(6):
        store.add("a", version, *sealed(policy(checkpoint, version)))
    assert store.versions == [2, 3, 4, 5][-KEPT:]
    assert store.get("a", 5).version == 5
    assert store.get("a", 0) is None
    assert store.get("b", 5) is None
    store.add("a", 4, *sealed(policy(checkpoint, 4)))  # a trainer that continues
    assert store.versions == [4]
    store.add("b", 7, *sealed(policy(checkpoint, 7)))
    assert store.versions == [7]


def test_refuses_weights_that_are_damaged_or_of_another_robot_or_version(checkpoint):
    store = WeightsStore(SPEC)
    digest, data = sealed(policy(checkpoint))
    damaged = bytes([*data[:-1], data[-1] ^ 1])
    with pytest.raises(CheckpointError, match="damaged"):
        store.add("a", 0, digest, damaged)
    with pytest.raises(CheckpointError, match="truncated"):
        store.add("a", 0, hashlib.sha256(data[:50]).hexdigest(), data[:50])
    with pytest.raises(CheckpointError, match="version 0"):
        store.add("a", 1, digest, data)
    other = policy(checkpoint, spec=dataclasses.replace(SPEC, robot="other"))
    with pytest.raises(CheckpointError, match="other"):
        store.add("a", 0, *sealed(other))
    assert store.versions == []


# episodes on disk and on topics


def test_an_episode_survives_the_disk_and_is_stored_once(tmp_path):
    store = EpisodeStore(tmp_path)
    assert store.put(episode(3))
    assert not store.put(episode(3, seed=1))
    assert store.put(episode(1))
    again = EpisodeStore(tmp_path)
    assert again.ids == {1, 3}
    for read, written in zip(again.episodes(), (episode(1), episode(3)), strict=True):
        np.testing.assert_array_equal(read.observations, written.observations)
        np.testing.assert_array_equal(read.terminations, written.terminations)
        assert read.end.purpose is written.end.purpose
        assert read.end.event is written.end.event
        np.testing.assert_array_equal(read.end.start_pose.position, [0, 0, 0])


def test_a_damaged_episode_is_named(tmp_path):
    EpisodeStore(tmp_path).put(episode(3))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SessionError, match="000003"):
        EpisodeStore(tmp_path).episodes()


@given(st.permutations(range(6)))
def test_steps_and_end_join_in_any_order(order):
    whole = episode(4, steps=5)
    pieces = [*steps_of(whole, START.stamp_ns, SPEC.period_ns), whole.end]
    collector = Collector("s")
    collector.start(START)
    joined = [
        collector.add_end(pieces[i]) if i == 5 else collector.add_step(pieces[i]) for i in order
    ]
    assert [j is None for j in joined] == [True] * 5 + [False]
    np.testing.assert_array_equal(joined[-1].observations, whole.observations)


def test_a_restarted_episode_forgets_the_steps_of_its_first_attempt():
    first, second = episode(4, steps=5), episode(4, steps=5, seed=1)
    collector = Collector("s")
    collector.start(START)
    for step in steps_of(first, START.stamp_ns, SPEC.period_ns)[:3]:
        collector.add_step(step)
    later = START.stamp_ns + 10**10
    collector.start(dataclasses.replace(START, stamp_ns=later))
    for step in steps_of(first, START.stamp_ns, SPEC.period_ns):
        assert collector.add_step(step) is None  # sent again to a node discovered late
    for step in steps_of(second, later, SPEC.period_ns):
        assert collector.add_step(step) is None
    joined = collector.add_end(second.end)
    np.testing.assert_array_equal(joined.observations, second.observations)


def test_missing_and_foreign_steps_never_make_an_episode():
    whole = episode(4, steps=5)
    steps = steps_of(whole, START.stamp_ns, SPEC.period_ns)
    collector = Collector("s")
    for step in steps[:-1]:
        collector.add_step(step)
    collector.add_step(dataclasses.replace(steps[-1], session="other"))
    assert collector.add_end(whole.end) is None
    assert collector.missing() == "found 4 of 5 steps"
    with pytest.raises(ContractError, match="does not lead"):
        collector.add_step(dataclasses.replace(steps[-1], observation=steps[0].observation))


# learning

NEWS = threading.Event()


def learner(directory, checkpoint, demos, *, save_every=2, **changes):
    config = FinetuneConfig(
        batch=16, context=16, warmup_updates=5, updates_per_step=1.0, use_evaluations=True
    )
    made = Finetuner(checkpoint, demos, config, seed=0)
    identity = dataclasses.replace(IDENTITY, **changes)
    return Learner(directory, identity, made, save_every=save_every, notify=NEWS.set)


def learned(made, version):
    """Wait for a version; every published one as (number, bytes)."""
    while True:
        NEWS.clear()
        made.check()
        if made.version >= version and not made.busy:
            break
        NEWS.wait(0.5)  # work may have ended before it was listed
    return {v.number: v.data for v in made.made}


def episodes():
    """Two evaluations, then five training episodes."""
    evaluations = [episode(i, purpose=Purpose.EVALUATION) for i in range(2)]
    return [*evaluations, *(episode(i) for i in range(2, 7))]


def test_a_session_continued_at_any_episode_gives_the_same_weights(tmp_path, checkpoint, demos):
    whole = learner(tmp_path / "whole", checkpoint, demos)
    for item in episodes():
        whole.put(item)
    expected = learned(whole, 5)
    assert sorted(expected) == [0, 1, 2, 3, 4, 5]
    whole.close()

    for cut in range(1, 7):
        folder = tmp_path / f"cut{cut}"
        first = learner(folder, checkpoint, demos)
        for item in episodes()[:cut]:
            first.put(item)
        first.close()  # wherever it is
        second = learner(folder, checkpoint, demos)
        assert second.store.ids == set(range(cut))
        for item in episodes()[cut - 1 :]:  # the newest comes again
            second.put(item)
        found = learned(second, 5)
        assert {number: expected[number] for number in found} == found
        trained = max(0, cut - 2)
        assert {max(0, trained - 1), trained, 5} <= set(found)
        assert second.finetuner.updates == whole.finetuner.updates
        assert len(second.finetuner.online) == len(whole.finetuner.online) == 7 * 7
        second.close()


def test_old_weights_go_but_those_of_the_saved_state_stay(tmp_path, checkpoint, demos):
    first = learner(tmp_path, checkpoint, demos, save_every=9)
    for i in range(17):
        first.put(episode(i, steps=1))
    expected = learned(first, 17)
    first.close()
    names = sorted(int(p.stem) for p in (tmp_path / "trainer" / "weights").iterdir())
    assert names == list(range(6, 18))
    second = learner(tmp_path, checkpoint, demos, save_every=9)
    found = learned(second, 17)
    assert found == {number: expected[number] for number in names}
    second.close()


def test_a_directory_of_another_session_is_refused(tmp_path, checkpoint, demos):
    learner(tmp_path, checkpoint, demos).close()
    with pytest.raises(SessionError, match="seed 0, found 1"):
        learner(tmp_path, checkpoint, demos, seed=1)


def test_an_error_of_the_learning_thread_is_not_lost(tmp_path, checkpoint, demos):
    made = learner(tmp_path, checkpoint, demos)
    learned(made, 0)
    (tmp_path / "trainer" / "weights" / "000001.safetensors").mkdir()
    made.put(episode(0))
    with pytest.raises(SessionError, match="000001"):
        learned(made, 1)
    made.close()


def test_demonstrations_must_be_of_the_connector_and_succeed(inputs, tmp_path, demos):
    assert len(demos) == 3
    assert content_sha256(demos) == content_sha256(demos)
    assert content_sha256(demos) != content_sha256(demos[:2])
    with pytest.raises(BufferFileError, match="expected other"):
        load_demonstrations(inputs / "demos", "other")


# the session's own progress

CONFIG = AdaptConfig(initial_trials=2, final_trials=2, max_training_episodes=3)


def outcome(episode_id, event=Event.TIMEOUT):
    return Outcome(episode_id=episode_id, event=event, steps=8, robot_time_s=5.5, peak_force_n=3.0)


def begun(directory, config=CONFIG):
    session = Session(directory, CONNECTOR, config)
    session.machine.encoded()
    return session


def test_a_stored_episode_that_was_not_counted_counts_once(tmp_path):
    session = begun(tmp_path)
    session.announce(outcome(0))
    session.commit(outcome(0))
    session.announce(outcome(1))  # killed here, after the trainer stored it
    session = begun(tmp_path)
    session.reconcile(stored=2, newest_id=1)
    assert [o.episode_id for o in session.machine.progress.outcomes] == [0, 1]
    again = begun(tmp_path)
    again.reconcile(stored=2, newest_id=1)
    assert again.machine.to_json() == session.machine.to_json()


def test_an_episode_that_was_not_stored_is_run_again(tmp_path):
    session = begun(tmp_path)
    session.announce(outcome(0))  # killed before the end event, or the trainer before storing
    session = begun(tmp_path)
    session.reconcile(stored=0, newest_id=-1)
    assert session.machine.next_request().episode_id == 0


@pytest.mark.parametrize(("stored", "newest"), [(1, 0), (3, 2)])
def test_episodes_lost_or_unknown_stop_the_session(tmp_path, stored, newest):
    session = begun(tmp_path)
    for i in range(2):
        session.commit(outcome(i))
    with pytest.raises(SessionError, match="counted 2"):
        session.reconcile(stored, newest)


def test_a_session_continues_with_other_budgets_but_not_with_another_seed(tmp_path):
    begun(tmp_path).commit(outcome(0))
    more = dataclasses.replace(CONFIG, max_training_episodes=50)
    assert begun(tmp_path, more).machine.progress.config.max_training_episodes == 50
    with pytest.raises(SessionError, match="seed 0, found 1"):
        begun(tmp_path, dataclasses.replace(CONFIG, seed=1))
    with pytest.raises(SessionError, match="connector point, found other"):
        Session(tmp_path, "other", CONFIG)
    (tmp_path / "pending.json").write_text("{")
    with pytest.raises(SessionError, match=r"pending\.json"):
        begun(tmp_path, more).reconcile(1, 0)


def test_snapshot_on_disk_is_what_is_published(tmp_path, checkpoint, demos):
    made = learner(tmp_path, checkpoint, demos)
    published = learned(made, 0)
    path = tmp_path / "trainer" / "weights" / "000000.safetensors"
    assert path.read_bytes() == published[0]
    assert PolicySnapshot.from_bytes(published[0], SPEC).version == 0
    assert "z" in load_file(path)
    assert json.loads((tmp_path / "trainer" / "identity.json").read_text())["seed"] == 0
    made.close()
