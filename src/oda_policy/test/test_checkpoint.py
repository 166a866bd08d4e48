"""Checkpoints and policy snapshots: exact round trips, clear refusals, speed."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from episodes import make_episode
from safetensors.torch import load_file, save_file

from oda_core.errors import CheckpointError
from oda_core.spec import TaskSpec
from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint, CheckpointInfo
from oda_policy.config import AgentConfig
from oda_policy.policy import PolicySnapshot, episode_generator
from oda_policy.snapshot import snapshot
from oda_policy.tasks import TaskData, TaskRows, lay_out

CONFIG = AgentConfig(hidden=(16, 16), encoder_hidden=(8,), critics=3)
INFO = CheckpointInfo(
    agent=CONFIG, tasks=("peg", "plug"), data_sha256={"peg": "ab"}, metrics={"kl_nats": 3.5}, seed=4
)


def saved(path: Path, info: CheckpointInfo = INFO) -> tuple[Agent, Path]:
    agent = Agent((info.observation_size, info.action_size), info.agent, seed=1)
    Checkpoint.of(agent, info).save(path / "policy.safetensors")
    return agent, path / "policy.safetensors"


def test_weights_and_metadata_come_back_exactly(tmp_path: Path) -> None:
    agent, path = saved(tmp_path)
    checkpoint = Checkpoint.load(path, spec=TaskSpec())
    assert checkpoint.info == INFO
    obs, z = torch.randn(4, 18), torch.randn(4, 5)
    restored = checkpoint.agent()
    assert torch.equal(restored.act(obs, z, None), agent.act(obs, z, None))
    action = torch.randn(4, 6)
    assert torch.equal(restored.targets(obs, action, z), agent.targets(obs, action, z))


def test_another_robot_or_observation_size_is_refused(tmp_path: Path) -> None:
    _, path = saved(tmp_path, replace(INFO, observation_size=19))
    with pytest.raises(CheckpointError, match="observation size 19, this robot has 18; choose"):
        Checkpoint.load(path, spec=TaskSpec())
    _, path = saved(tmp_path, replace(INFO, spec=TaskSpec(robot="ur5e")))
    with pytest.raises(CheckpointError, match="robot ur5e, this robot has iiwa7"):
        Checkpoint.load(path, spec=TaskSpec())
    _, path = saved(tmp_path, replace(INFO, spec=TaskSpec(force_scale_n=10.0)))
    with pytest.raises(CheckpointError, match=r"force_scale_n 10\.0, this robot has 20\.0"):
        Checkpoint.load(path, spec=TaskSpec())


def test_damage_is_named(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    intact = path.read_bytes()
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoint.load(tmp_path / "none")
    for size in (0, 5, 100, len(intact) // 2, len(intact) - 1):
        path.write_bytes(intact[:size])
        with pytest.raises(CheckpointError, match="truncated or not safetensors"):
            Checkpoint.load(path)
    path.write_bytes(intact.replace(b"kl_weight", b"kl_wright"))
    with pytest.raises(CheckpointError, match="unknown key kl_wright"):
        Checkpoint.load(path)
    path.write_bytes(intact)
    tensors = load_file(path)
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match="found no oda_checkpoint metadata"):
        Checkpoint.load(path)


def test_unknown_or_missing_tensors_are_named(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    checkpoint = Checkpoint.load(path)
    tensors = dict(checkpoint.tensors)
    extra = Checkpoint(info=INFO, tensors={**tensors, "actor.extra": torch.zeros(2)})
    extra.save(path)
    with pytest.raises(CheckpointError, match=r"actor\.extra: found \(2,\), expected nothing"):
        Checkpoint.load(path)
    del tensors["encoder.trunk.biases.0"]
    Checkpoint(info=INFO, tensors=tensors).save(path)
    with pytest.raises(CheckpointError, match=r"biases\.0: found nothing, expected \(8,\)"):
        Checkpoint.load(path)


def remembered() -> TaskRows:
    """Data of two training tasks as meta-training keeps them, 46 values in a row."""
    tasks = [
        TaskData(
            name=f"task {i}",
            demos=[make_episode(i, seed=1)],
            offline=[make_episode(i, seed=2, success=False)],
        )
        for i in range(2)
    ]
    return lay_out(tasks, CONFIG).thinned(4, torch.Generator().manual_seed(0))


def test_training_data_to_rehearse_come_back_exactly(tmp_path: Path) -> None:
    agent, path = saved(tmp_path)
    assert Checkpoint.load(path).memory is None
    plain, memory = Checkpoint.load(path).tensors, remembered()
    Checkpoint.of(agent, INFO, memory).save(path)
    loaded = Checkpoint.load(path, spec=TaskSpec())
    assert loaded.memory is not None
    assert loaded.memory.rows.dtype == torch.float16
    assert torch.equal(loaded.memory.rows, memory.rows)
    assert loaded.memory.counts.tolist() == [[4, 6], [4, 6]]
    assert loaded.tensors.keys() == plain.keys()  # the networks are as without it
    assert all(torch.equal(loaded.tensors[name], plain[name]) for name in plain)


def test_damaged_training_data_to_rehearse_are_named(tmp_path: Path) -> None:
    agent, path = saved(tmp_path)
    whole = remembered()
    for damaged in (
        whole._replace(rows=whole.rows[:-1]),
        whole._replace(rows=whole.rows[:, :-1]),
        whole._replace(counts=whole.counts[:1]),
    ):
        Checkpoint.of(agent, INFO, damaged).save(path)
        words = r"memory: found .*rows.*, expected rows \(sum of counts, 46\) .* is damaged"
        with pytest.raises(CheckpointError, match=words):
            Checkpoint.load(path)
    tensors = {**Checkpoint.of(agent, INFO).tensors, "memory.rows": whole.rows}
    Checkpoint(info=INFO, tensors=tensors).save(path)
    with pytest.raises(CheckpointError, match=r"memory: found .* and counts"):
        Checkpoint.load(path)


@pytest.mark.parametrize("state_dependent_std", [True, False])
def test_snapshot_acts_as_the_agent_does(state_dependent_std: bool) -> None:
    config = replace(CONFIG, state_dependent_std=state_dependent_std)
    agent, z = Agent((18, 6), config, seed=0), torch.randn(5)
    policy = snapshot(agent, z, 7, TaskSpec())
    copy = PolicySnapshot.from_bytes(policy.to_bytes(), TaskSpec())
    obs = torch.randn(18)
    expected = agent.actor(obs, z)
    for candidate in (policy, copy):
        mean, std = candidate.distribution(obs.numpy())
        np.testing.assert_allclose(mean, expected.mean.detach(), atol=1e-6)
        np.testing.assert_allclose(std, expected.log_std.exp().detach(), rtol=1e-5)
    assert copy.version == 7
    samples = [
        policy.act(obs.numpy(), episode_generator(0, 3)),
        copy.act(obs.numpy(), episode_generator(0, 3)),
        copy.act(obs.numpy(), episode_generator(0, 4)),
    ]
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[1], samples[2])
    assert samples[0].dtype == np.float32


def test_snapshot_is_refused_when_damaged_or_of_another_robot() -> None:
    agent = Agent((18, 6), CONFIG, seed=0)
    policy = snapshot(agent, torch.zeros(5), 0, TaskSpec())
    data = policy.to_bytes()
    with pytest.raises(CheckpointError, match="truncated"):
        PolicySnapshot.from_bytes(data[:-3])
    with pytest.raises(CheckpointError, match="this robot has"):
        PolicySnapshot.from_bytes(data, TaskSpec(robot="ur5e"))
    with pytest.raises(CheckpointError, match=r"observation of shape \(19,\)"):
        policy.act(np.zeros(19, np.float32))


def test_snapshot_acts_within_half_a_millisecond() -> None:
    agent = Agent((18, 6), AgentConfig.best(), seed=0)
    policy = snapshot(agent, torch.zeros(5), 0, TaskSpec())
    obs, generator = np.zeros(18, np.float32), np.random.default_rng(0)
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        policy.act(obs, generator)
        times.append(time.perf_counter() - begin)
    assert sorted(times)[100] < 0.5e-3
