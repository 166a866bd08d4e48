"""The agent against known answers: value of a chain, determinism, the sparse point robot."""

import copy
from dataclasses import replace

import numpy as np
import point_robot
import pytest
import torch

from oda_policy.agent import Agent, follow
from oda_policy.config import AgentConfig, MetaTrainConfig
from oda_policy.tasks import TaskTables, lay_out, layout_of
from oda_policy.transitions import Layout, TransitionTable

CHECK = MetaTrainConfig(
    agent=AgentConfig(
        hidden=(128, 128),
        encoder_hidden=(64, 64),
        discount=0.9,
        temperature=0.2,
        kl_weight=1e-3,
        target_rate=0.02,
        actor_rate=1e-3,
        critic_rate=1e-3,
        encoder_rate=1e-3,
    ),
    updates=1100,
    tasks=16,
    batch=64,
    context=64,
)


def test_critic_of_an_endless_task_reaches_the_geometric_sum() -> None:
    """Reward 1 at every step, cut by a time limit: the value is 1 / (1 - gamma), not 1."""
    actions = np.linspace(-1, 1, 32, dtype=np.float32)[:, None]
    for terminated, value in ((False, 2.0), (True, 1.0)):
        table = TransitionTable(Layout(1, 1), discount=0.5)
        for action in actions:
            one, still = np.ones(1, np.float32), np.zeros((2, 1), np.float32)
            table.append(point_robot.Path(still, action[None], one, np.array([terminated])))
        config = AgentConfig(latent_size=0, hidden=(8,), target_rate=0.2, critic_rate=1e-2)
        agent = Agent((1, 1), config, seed=0)
        batch = table.layout.split(table.rows()[None])
        for _ in range(400):
            metrics = agent.update(batch, torch.zeros(1, 0, 3))
        assert metrics["value"].item() == pytest.approx(value, abs=0.05)


@pytest.mark.parametrize("name", ["actor", "critics"])
def test_what_is_loaded_moved_or_copied_is_what_a_network_computes_with(name: str) -> None:
    first, second = (Agent((2, 2), CHECK.agent, seed).networks[name] for seed in (0, 1))
    inputs = [torch.randn(3, size) for size in ((2, 5) if name == "actor" else (2, 2, 5))]

    def differ(one: torch.nn.Module, other: torch.nn.Module) -> bool:
        a, b = (n(*(x.to(next(n.parameters()).dtype) for x in inputs))[0] for n in (one, other))
        return not torch.allclose(a.float(), b.float(), atol=1e-5)

    copied = copy.deepcopy(first)
    assert differ(first, second) and not differ(first, copied)
    copied.load_state_dict(second.state_dict())
    assert not differ(copied, second) and differ(copied, first)
    assert not differ(copied.double(), second)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert differ(copied, second) and not differ(copied, copy.deepcopy(copied))


def small_tables(count: int = 4) -> TaskTables:
    rng = np.random.default_rng(0)
    tasks = [point_robot.task(goal, rng) for goal in point_robot.goals(count, rng)]
    return TaskTables(lay_out(tasks, CHECK.agent), layout_of(tasks), replace(CHECK, tasks=0))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    tables = small_tables()
    weights = []
    for seed in (0, 0, 1):
        agent = Agent((2, 2), CHECK.agent, seed)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(5):
            agent.update(*tables.sample(generator))
        weights.append(torch.cat([p.flatten() for p in agent.actor.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_targets_follow_at_their_rate() -> None:
    target, source = [torch.zeros(3)], [torch.ones(3)]
    follow(target, source, 0.25)
    follow(target, source, 0.25)
    torch.testing.assert_close(target[0], torch.full((3,), 1 - 0.75**2))


def test_critics_of_an_ensemble_are_independent_networks() -> None:
    agent = Agent((3, 2), replace(CHECK.agent, critics=3, layer_norm=True), seed=0)
    obs, action, z = torch.randn(4, 3), torch.randn(4, 2), torch.randn(4, 5)
    before = agent.critics(obs, action, z)
    with torch.no_grad():
        for weight in agent.critics.weights:
            weight[1] += 1
    after = agent.critics(obs, action, z)
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.equal(before[1], after[1])


def test_point_robot_reaches_the_published_return_with_demonstrations_only() -> None:
    """Known answer: return 10.3 to 11.0 of 11.7 and success >= .95; without context 1.5 to 2.0."""
    rng = np.random.default_rng(0)
    goals = point_robot.goals(100, rng)
    tasks = [point_robot.task(goal, rng) for goal in goals]
    results = {}
    for latent, updates in ((5, CHECK.updates), (0, 400)):
        config = replace(CHECK, agent=replace(CHECK.agent, latent_size=latent))
        tables = TaskTables(lay_out(tasks[:80], CHECK.agent), layout_of(tasks[:80]), config)
        agent = Agent((2, 2), config.agent, seed=0)
        generator = torch.Generator().manual_seed(0)
        for _ in range(updates):
            agent.update(*tables.sample(generator))
        results[latent] = point_robot.evaluate(agent, tasks[80:], goals[80:])
    assert results[5][0] >= 10.0
    assert results[5][1] >= 0.95
    assert results[0][0] <= 2.5


@pytest.mark.parametrize("layer_norm", [True, False])
def test_critics_together_and_one_by_one_are_the_same(layer_norm: bool) -> None:
    agent = Agent((3, 2), replace(CHECK.agent, critics=3, layer_norm=layer_norm), seed=0)
    x = torch.randn(7, 10)
    torch.testing.assert_close(agent.critics.together(x), agent.critics.one_by_one(x))
