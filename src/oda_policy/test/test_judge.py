"""Choosing among sampled actions by value, in numpy as in torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from oda_core.spec import TaskSpec
from oda_policy.agent import Agent
from oda_policy.config import AgentConfig
from oda_policy.policy import PolicySnapshot
from oda_policy.snapshot import snapshot

SIZES = (18, 6)


def make(candidates: int, layer_norm: bool = True) -> tuple[Agent, torch.Tensor, PolicySnapshot]:
    config = replace(AgentConfig.best(), candidates=candidates, layer_norm=layer_norm)
    agent, z = Agent(SIZES, config, seed=2), torch.linspace(-1, 1, 5)
    return agent, z, snapshot(agent, z, 0, TaskSpec())


@pytest.mark.parametrize("layer_norm", [True, False])
def test_numpy_chooses_what_the_critics_of_the_agent_value_most(layer_norm: bool) -> None:
    agent, z, policy = make(8, layer_norm)
    rng = np.random.default_rng(0)
    for seed in range(20):
        obs = rng.normal(size=18).astype(np.float32)
        chosen = policy.act(obs, np.random.default_rng(seed))
        mean, std = policy.distribution(obs)
        noise = np.random.default_rng(seed).standard_normal((8, 6), np.float32)
        actions = np.clip(mean + np.float32(policy.info.spread) * std * noise, -1, 1)
        with torch.no_grad():
            values = agent.critics(
                torch.from_numpy(obs).expand(8, -1),
                torch.from_numpy(actions),
                z.expand(8, -1),
            ).amin(0)
        np.testing.assert_allclose(chosen, actions[int(values.argmax())], atol=1e-6)


def test_one_candidate_needs_no_critic_and_a_mean_action_no_choice() -> None:
    _, _, plain = make(1)
    _, _, choosing = make(4)
    assert not any(name.startswith("critic") for name in plain.tensors)
    obs = np.zeros(18, np.float32)
    np.testing.assert_array_equal(plain.act(obs), choosing.act(obs))


def test_a_wider_spread_scales_what_is_sampled_about_the_same_mean() -> None:
    _, _, policy = make(1)
    wide = PolicySnapshot(replace(policy.info, spread=0.5), policy.tensors)
    trained = PolicySnapshot(replace(policy.info, spread=0.25), policy.tensors)
    obs = np.full(18, 0.1, np.float32)
    mean = policy.act(obs)
    for seed in range(20):
        one, two = (p.act(obs, np.random.default_rng(seed)) - mean for p in (wide, trained))
        inside = np.abs(one + mean) < 1  # what was not clipped
        np.testing.assert_allclose(one[inside], 2 * two[inside], atol=1e-6)
        assert inside.any()


def test_a_choosing_policy_survives_its_message() -> None:
    _, _, policy = make(4)
    received = PolicySnapshot.from_bytes(policy.to_bytes(), TaskSpec())
    obs = np.full(18, 0.3, np.float32)
    one, two = (p.act(obs, np.random.default_rng(5)) for p in (policy, received))
    np.testing.assert_array_equal(one, two)
    assert len(policy.to_bytes()) < 2_000_000
