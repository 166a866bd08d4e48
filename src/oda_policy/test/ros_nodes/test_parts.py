"""The parts of the nodes that need no ROS."""

import dataclasses
import hashlib
import json
import shutil
import threading

import numpy as np
import pytest
import torch
from harness import CONNECTOR, make_checkpoint, make_demonstrations
from parts import START, episode
from safetensors.numpy import load_file

from oda_core.errors import BufferFileError, CheckpointError, SessionError
from oda_core.se3 import Pose
from oda_core.spec import TaskSpec
from oda_core.types import Purpose, TcpState
from oda_policy.buffer import DEMONSTRATIONS
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig
from oda_policy.finetune import Finetuner
from oda_policy.policy import PolicySnapshot
from oda_policy.ros.acting import Acting
from oda_policy.ros.demonstrations import content_sha256, load_demonstrations
from oda_policy.ros.learner import Identity, Learner
from oda_policy.ros.weights import KEPT, WeightsStore
from oda_policy.snapshot import snapshot

SPEC = TaskSpec()
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


def test_demonstrations_are_found_in_what_oda_convert_wrote(inputs, demos, tmp_path):
    shutil.copytree(inputs / "demos", tmp_path / CONNECTOR / DEMONSTRATIONS)
    found = load_demonstrations(tmp_path, CONNECTOR)
    assert content_sha256(found) == content_sha256(demos)


def policy(checkpoint, version=0, spec=SPEC):
    return snapshot(checkpoint.agent(), torch.zeros(5), version, spec)


def state(stamp_ns, *, inserted=False, z=0.0):
    return TcpState(
        stamp_ns=stamp_ns, pose=Pose(np.array([0.0, 0.0, z]), Pose.identity().quaternion),
        twist=np.zeros(6), wrench=np.zeros(6), inserted=inserted,
    )  # fmt: skip


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


def test_snapshot_on_disk_is_what_is_published(tmp_path, checkpoint, demos):
    made = learner(tmp_path, checkpoint, demos)
    published = learned(made, 0)
    path = tmp_path / "trainer" / "weights" / "000000.safetensors"
    assert path.read_bytes() == published[0]
    assert PolicySnapshot.from_bytes(published[0], SPEC).version == 0
    assert "z" in load_file(path)
    assert json.loads((tmp_path / "trainer" / "identity.json").read_text())["seed"] == 0
    made.close()
