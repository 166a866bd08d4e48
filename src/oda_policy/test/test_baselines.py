"""The baselines: their losses, and the Learner contract on a task with a known answer."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from episodes import ReachEnv, make_episode
from torch import Tensor

from oda_core.errors import BufferFileError, CheckpointError
from oda_core.types import Episode, Purpose
from oda_policy.adapt import AdaptMachine, Phase, run_in_process
from oda_policy.baselines.bc import BcConfig, BcLearner
from oda_policy.baselines.ddpg import DdpgAgent, DdpgConfig, imitation_loss, policy_loss
from oda_policy.baselines.ddpg_pretrain import finetuning, pretrain
from oda_policy.baselines.ddpgfd import DdpgfdConfig, DdpgLearner
from oda_policy.baselines.files import load_ddpg, save_ddpg
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import AdaptConfig, AgentConfig, FinetuneConfig, MetaTrainConfig
from oda_policy.evaluate import evaluate
from oda_policy.finetune import Finetuner
from oda_policy.learner import Learner
from oda_policy.meta_train import meta_train
from oda_policy.policy import PolicySnapshot, episode_generator
from oda_policy.tasks import TaskData
from oda_policy.transitions import Batch

GOAL = (0.2, -1.0, 0.9)
SMALL = DdpgConfig(hidden=(32, 32), batch=32, bc_weight=0.3, actor_rate=1e-3, critic_rate=1e-3)
DDPGFD = DdpgfdConfig(ddpg=SMALL, warmup_updates=100)
BC = BcConfig(hidden=(32, 32), updates=300, batch=64, rate=1e-3)


def demos(count: int = 10) -> list[Episode]:
    return [ReachEnv(GOAL).demonstrate(i) for i in range(count)]


def data() -> list[TaskData]:
    goals = [(0.8, -0.5, 0.3), (0.8, 0.5, -0.3)]
    return [
        TaskData(
            name=str(goal),
            demos=[ReachEnv(goal).demonstrate(i) for i in range(5)],
            offline=[ReachEnv(goal).demonstrate(100 + i, noise=0.6) for i in range(10)],
        )
        for goal in goals
    ]


@pytest.fixture(scope="module")
def awac(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """AWAC without context: ODA's own learner with an empty task code."""
    agent = replace(AgentConfig.best(), latent_size=0, hidden=(32, 32), encoder_hidden=(8,))
    config = MetaTrainConfig(agent=agent, updates=100, batch=32, demo_fraction=0.25)
    return meta_train(data(), config, tmp_path_factory.mktemp("awac") / "awac.safetensors")


def finetuned_awac(checkpoint: Checkpoint, seed: int) -> Finetuner:
    config = FinetuneConfig(batch=32, demo_fraction=0.5, warmup_updates=50, learning_rate=1e-3)
    return Finetuner(checkpoint, demos(), config, seed)


@pytest.fixture(params=["awac", "ddpgfd", "bc", "ddpg_pretrain"])
def make(request: pytest.FixtureRequest, awac: Checkpoint) -> Callable[[int], Learner]:
    makers: dict[str, Callable[[int], Learner]] = {
        "awac": lambda seed: finetuned_awac(awac, seed),
        "ddpgfd": lambda seed: DdpgLearner(demos(), DDPGFD, seed),
        "bc": lambda seed: BcLearner(demos(), BC, seed),
        "ddpg_pretrain": lambda seed: DdpgLearner(
            demos(), finetuning(SMALL), seed, start=pretrain(data(), SMALL, 50, seed)
        ),
    }
    return makers[request.param]


def adaptation(learner: Learner, seed: int, training: int) -> tuple[AdaptMachine, list[Episode]]:
    config = AdaptConfig(
        initial_trials=4,
        final_trials=20,
        window=10,
        max_training_episodes=training,
        hopeless_episodes=0,
        seed=seed,
    )
    machine = AdaptMachine.begin("s", "peg", config)
    return machine, run_in_process(ReachEnv(GOAL), learner, machine)


def test_every_method_adapts_through_one_interface_and_repeats(
    make: Callable[[int], Learner],
) -> None:
    machine, episodes = adaptation(make(1), 1, 3)
    again, repeated = adaptation(make(1), 1, 3)
    assert machine.finished
    assert again.to_json() == machine.to_json()
    for a, b in zip(episodes, repeated, strict=True):
        np.testing.assert_array_equal(a.actions, b.actions)
    other = adaptation(make(2), 1, 3)[1]
    assert any(
        not np.array_equal(a.actions, b.actions) for a, b in zip(episodes, other, strict=False)
    )


def test_an_episode_is_learned_from_once_and_evaluations_never(
    make: Callable[[int], Learner],
) -> None:
    learner = make(0)
    learner.warm_up()
    start = learner.snapshot(0).to_bytes()
    assert not learner.add_episode(make_episode(0, purpose=Purpose.EVALUATION))
    assert not learner.train()
    assert learner.snapshot(0).to_bytes() == start
    training = make_episode(1, purpose=Purpose.TRAINING)
    online = learner.add_episode(training)
    assert online == (not isinstance(learner, BcLearner))
    assert not learner.add_episode(training)
    learner.train()
    assert (learner.snapshot(0).to_bytes() != start) == online
    assert learner.snapshot(7).version == 7


def test_ddpgfd_solves_a_task_that_its_demonstrations_show() -> None:
    machine, _ = adaptation(DdpgLearner(demos(), DDPGFD, 0), 0, 60)
    assert machine.rate(Phase.EVALUATE_FINAL).value >= 0.9


def test_cloning_imitates_and_stops_where_unseen_demonstrations_are_likeliest() -> None:
    learner = BcLearner(demos(20), BC, 0)
    metrics = learner.warm_up()
    assert learner.held_out is not None
    held_out = learner.held_out.layout.split(learner.held_out.rows())
    assert float(learner.loss(held_out)) == pytest.approx(metrics["held_out_loss"], abs=1e-5)
    wins = [e.success for e in evaluate(ReachEnv(GOAL), learner.snapshot(0), 20, 0)]
    assert sum(wins) >= 15


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gradients_of_the_losses_match_finite_differences() -> None:
    q, action = randn(2, 4, seed=1).requires_grad_(), randn(4, 3, seed=2).requires_grad_()
    shown = randn(4, 3, seed=3)
    assert torch.autograd.gradcheck(policy_loss, (q,))
    assert torch.autograd.gradcheck(lambda a: imitation_loss(a, shown), (action,))


def double_agent(config: DdpgConfig) -> tuple[DdpgAgent, Batch]:
    agent = DdpgAgent((3, 2), config, 0)
    for network in agent.networks.values():
        network.double()
    obs, action, next_obs = randn(8, 3, seed=1), randn(8, 2, seed=2).tanh(), randn(8, 3, seed=3)
    ends = (randn(8, seed=4) > 0).double()
    return agent, Batch(obs, action, ends, next_obs, ends, torch.full((8,), 0.9).double())


def test_each_network_moves_by_the_gradient_of_its_own_loss() -> None:
    config = replace(SMALL, hidden=(8,), actor_every=1, target_rate=1e-9)
    agent, batch = double_agent(config)
    twin, _ = double_agent(config)
    agent.update(batch, 4)
    critic = (twin.value(batch.obs, batch.action) - twin.target(batch)).square().mean()
    expected = torch.autograd.grad(critic, list(twin.critics.parameters()))
    for gradient, parameter in zip(expected, agent.critics.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    # the actor follows the critics that were just updated
    twin.critics.load_state_dict(agent.critics.state_dict())
    weight = next(twin.actor.trunk.parameters())
    actual = next(agent.actor.trunk.parameters()).grad
    assert actual is not None

    def loss() -> float:
        action = twin.act(batch.obs)
        shown = (action[:4] - batch.action[:4]).square().sum(-1).mean()
        return float(0.3 * shown - twin.value(batch.obs, action).mean())

    index, flat, step = int(actual.abs().argmax()), weight.data.view(-1), 1e-6
    flat[index] += step
    up = loss()
    flat[index] -= 2 * step
    assert math.isclose((up - loss()) / (2 * step), float(actual.view(-1)[index]), rel_tol=1e-4)


def test_targets_are_the_smaller_value_within_what_returns_can_be() -> None:
    agent, batch = double_agent(SMALL)
    next_q = agent.targets(batch.next_obs, agent.act(batch.next_obs), batch.obs[:, :0]).amin(0)
    plain = batch.reward + batch.discount * (1 - batch.terminated) * next_q
    torch.testing.assert_close(agent.target(batch), plain.clamp(0, 1))
    assert float(agent.target(batch).min()) >= 0
    free, _ = double_agent(replace(SMALL, unit_returns=False))
    torch.testing.assert_close(free.target(batch), plain)


def test_a_saved_agent_acts_the_same(tmp_path: Path) -> None:
    agent = pretrain(data(), SMALL, 20, 3)
    save_ddpg(tmp_path / "agent", agent, {"seed": 3})
    copy, metadata = load_ddpg(tmp_path / "agent")
    assert (copy.config, copy.updates, metadata) == (SMALL, 20, {"seed": 3})
    obs = torch.ones(4, 18)
    assert torch.equal(copy.act(obs), agent.act(obs))
    cut = (tmp_path / "agent").read_bytes()[:-10]
    (tmp_path / "agent").write_bytes(cut)
    with pytest.raises(CheckpointError, match="truncated"):
        load_ddpg(tmp_path / "agent")


def test_pretraining_without_data_is_named() -> None:
    with pytest.raises(BufferFileError, match="no training connectors"):
        pretrain([], SMALL, 1, 0)


def test_exploration_drifts_by_an_amount_drawn_per_episode() -> None:
    policy = DdpgLearner(demos(1), DDPGFD, 0).snapshot(0)
    obs = np.zeros(18, np.float32)

    def noise(episode: int) -> np.ndarray:
        choose = policy.chooser(episode_generator(0, episode), Purpose.TRAINING, False)
        return np.stack([choose(obs) - policy.act(obs) for _ in range(400)])

    sizes = [float(noise(i)[50:].std()) for i in range(12)]
    assert 0.02 < min(sizes) < 0.6 * max(sizes) < 0.25
    path = noise(0)[50:, 0]
    assert float(np.corrcoef(path[:-1], path[1:])[0, 1]) == pytest.approx(math.exp(-0.2), abs=0.1)
    still = policy.chooser(episode_generator(0, 0), Purpose.EVALUATION, False)
    np.testing.assert_allclose(still(obs), policy.act(obs), atol=1e-6)
    copy = PolicySnapshot.from_bytes(policy.to_bytes())
    assert copy.info == policy.info
