"""Gradients of every loss against finite differences, and the equations' known answers."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from oda_policy import losses
from oda_policy.agent import Agent
from oda_policy.config import AgentConfig
from oda_policy.encoder import Encoder, Posterior, fuse
from oda_policy.networks import Gaussian
from oda_policy.transitions import Batch

SEEDS = st.integers(0, 2**31)
TINY = AgentConfig(
    latent_size=2, hidden=(8, 8), encoder_hidden=(8,), state_dependent_std=True, layer_norm=True
)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gradients_of_each_loss_match_finite_differences() -> None:
    q, target = randn(2, 3, 4, seed=1).requires_grad_(), randn(3, 4, seed=2)
    mean, log_std = randn(3, 4, 2, seed=3).requires_grad_(), randn(3, 4, 2, seed=4).requires_grad_()
    var = (randn(3, 2, seed=5).square() + 0.1).requires_grad_()
    action, weight = randn(3, 4, 2, seed=6), randn(3, 4, seed=7).exp()
    check = torch.autograd.gradcheck
    assert check(lambda q: losses.critic_loss(q, target), (q,))
    assert check(
        lambda m, s: losses.actor_loss(Gaussian(m, s).log_prob(action), weight), (mean, log_std)
    )
    assert check(lambda m, v: losses.kl_nats(Posterior(m, v)), (mean[:, 0], var))
    assert check(fuse, (mean, log_std.exp()))


def tiny_batch(seed: int = 0) -> tuple[Batch, Tensor]:
    obs, next_obs = randn(2, 5, 3, seed=seed), randn(2, 5, 3, seed=seed + 1)
    action = randn(2, 5, 2, seed=seed + 2).tanh()
    reward, terminated = randn(2, 5, seed=seed + 3), (randn(2, 5, seed=seed + 4) > 0).double()
    batch = Batch(obs, action, reward, next_obs, terminated, torch.full((2, 5), 0.9).double())
    return batch, randn(2, 7, 6, seed=seed + 5)


def double_agent(config: AgentConfig = TINY) -> Agent:
    agent = Agent((3, 2), config, seed=0)
    for network in agent.networks.values():
        network.double()
    return agent


def test_networks_pass_the_right_gradient_to_every_weight() -> None:
    """Critic and actor losses through encoder, critics and actor, against finite differences."""
    agent = double_agent()
    batch, context = tiny_batch()
    noise = randn(2, 2, seed=9)
    target, weight = randn(2, 5, seed=10), randn(2, 5, seed=11).exp()

    def total() -> Tensor:
        posterior = agent.encode(context)
        z = posterior.sample(noise)[:, None].expand(-1, 5, -1)
        critic = losses.critic_loss(agent.critics(batch.obs, batch.action, z), target)
        actor = losses.actor_loss(agent.actor(batch.obs, z).log_prob(batch.action), weight)
        return critic + actor + 0.1 * losses.kl_nats(posterior).mean()

    total().backward()
    for name in ("encoder", "actor", "critics"):
        for parameter in agent.networks[name].parameters():
            index = int(parameter.grad.abs().argmax())  # type: ignore[union-attr]
            flat = parameter.data.view(-1)
            step = 1e-6
            flat[index] += step
            up = total().item()
            flat[index] -= 2 * step
            down = total().item()
            flat[index] += step
            expected = (up - down) / (2 * step)
            found = parameter.grad.view(-1)[index].item()  # type: ignore[union-attr]
            assert math.isclose(found, expected, rel_tol=1e-5, abs_tol=1e-8), name


def test_update_follows_algorithm_1_line_by_line() -> None:
    """One update moves each network by the gradient of its own losses and of no other."""
    config = AgentConfig(latent_size=2, hidden=(8,), encoder_hidden=(8,), kl_weight=0.1)
    batch, context = tiny_batch()
    agent, twin = double_agent(config), double_agent(config)
    agent.update(batch, context)

    noise = torch.randn((2, 2), generator=twin.generator).double()
    posterior = twin.encode(context)
    z = posterior.sample(noise)[:, None].expand(-1, 5, -1)
    target = twin.target(batch, z.detach())
    q = twin.critics(batch.obs, batch.action, z)
    policy = twin.actor(batch.obs, z.detach())
    baseline = twin.baseline(policy, batch, z)
    weight = losses.exp_weight(twin.advantage(q, baseline), 0.5, 100.0)
    critic = losses.critic_loss(q, target)
    kl = losses.kl_nats(posterior).mean()
    actor = losses.actor_loss(policy.log_prob(batch.action), weight)
    expected = {
        "encoder": critic + 0.1 * kl,  # line 12
        "actor": actor,  # line 13
        "critics": critic,  # line 14
    }
    for name, loss in expected.items():
        parameters = list(twin.networks[name].parameters())
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
        updated = agent.networks[name].parameters()
        for gradient, parameter in zip(gradients, updated, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, msg=name)


def test_actor_gradient_reaches_the_encoder_only_when_asked() -> None:
    batch, context = tiny_batch()
    quiet = AgentConfig(latent_size=2, hidden=(8,), encoder_hidden=(8,), kl_weight=0.0)
    gradients = []
    for joint in (False, True):
        config = AgentConfig(**{**vars(quiet), "actor_trains_encoder": joint})
        agent = double_agent(config)
        agent.update(batch, context)
        gradients.append(torch.cat([p.grad.flatten() for p in agent.encoder.parameters()]))
    assert not torch.allclose(gradients[0], gradients[1])


def test_a_time_limit_bootstraps_and_a_termination_does_not() -> None:
    reward = torch.tensor([0.0, 1.0])
    next_q, discount = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.9])
    target = losses.td_target(reward, torch.tensor([0.0, 1.0]), next_q, discount)
    torch.testing.assert_close(target, torch.tensor([0.45, 1.0]))


def test_log_prob_is_the_normal_density() -> None:
    mean, log_std, action = randn(4, 3, seed=1), randn(4, 3, seed=2), randn(4, 3, seed=3)
    expected = torch.distributions.Normal(mean, log_std.exp()).log_prob(action).sum(-1)
    torch.testing.assert_close(Gaussian(mean, log_std).log_prob(action), expected)


def test_kl_of_known_gaussians() -> None:
    standard = Posterior(torch.zeros(1, 5), torch.ones(1, 5))
    shifted = Posterior(torch.ones(1, 5), torch.ones(1, 5))
    torch.testing.assert_close(losses.kl_nats(standard), torch.tensor([0.0]))
    torch.testing.assert_close(losses.kl_nats(shifted), torch.tensor([2.5]))


def test_weights_are_exponential_clipped_and_normalised() -> None:
    advantage = torch.tensor([[0.0, 0.1, 10.0]])
    weight = losses.exp_weight(advantage, 0.1, 100.0)
    torch.testing.assert_close(weight, torch.tensor([[1.0, math.e, 100.0]]))
    even = losses.softmax_weight(torch.zeros(2, 4), 0.1, 100.0)
    torch.testing.assert_close(even, torch.ones(2, 4))


@given(seed=SEEDS)
def test_posterior_ignores_the_order_of_demonstrations(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    encoder = Encoder((3, 2), TINY, g)
    context = torch.randn(2, 8, 6, generator=g)
    order = torch.randperm(8, generator=g)
    torch.testing.assert_close(encoder(context[:, order]), encoder(context))


@given(seed=SEEDS, count=st.integers(1, 20))
def test_fused_factors_are_sharper_than_each_and_between_them(seed: int, count: int) -> None:
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(1, count, 2, generator=g).double()
    var = torch.rand(1, count, 2, generator=g).double() + 0.1
    fused = fuse(mean, var)
    assert torch.all(fused.var <= var.amin(1) + 1e-12)
    assert torch.all(fused.mean <= mean.amax(1) + 1e-9)
    assert torch.all(fused.mean >= mean.amin(1) - 1e-9)
