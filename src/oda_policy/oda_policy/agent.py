"""The learner of Algorithm 1: encoder, actor, critics and one update.

Letters: T tasks, B batch, C critics, N context, O obs, A action, Z latent.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from oda_policy import losses
from oda_policy.config import AgentConfig
from oda_policy.encoder import Encoder, Posterior
from oda_policy.networks import Actor, Critics, Gaussian
from oda_policy.transitions import Batch

WEIGHTS = {"exp": losses.exp_weight, "softmax": losses.softmax_weight}


class Agent:
    """Networks, targets, optimizer and the generator of all their noise."""

    def __init__(
        self, sizes: tuple[int, int], config: AgentConfig, seed: int, device: str = "cpu"
    ) -> None:
        """Initialise every weight from the seed, the same on every device.

        Args:
            sizes: observation and action size (O, A).
            config: networks and losses.
            seed: of the initial weights and of the noise in updates.
            device: where the networks live.
        """
        g = torch.Generator().manual_seed(seed)
        self.config, self.sizes, self.device = config, sizes, device
        self.encoder = Encoder(sizes, config, g).to(device)
        self.actor = Actor(sizes, config, g).to(device)
        self.critics = Critics(sizes, config, g).to(device)
        self.targets = Critics(sizes, config, g).to(device).requires_grad_(False)
        self.targets.load_state_dict(self.critics.state_dict())
        self.generator = torch.Generator(device).manual_seed(seed + 1)
        self.optimizer = self._optimizer()

    def update(self, batch: Batch, context: Tensor) -> dict[str, Tensor]:
        """One pass of Algorithm 1, lines 6 to 14, over a batch of T tasks x B transitions.

        Args:
            batch: transitions, (T, B, ...).
            context: demonstration transitions, (T, N, O + A + 1).

        Returns:
            Scalars to log: each loss, the KL in nats, mean value and mean weight.
        """
        c = self.config
        z, kl = self.code(context, batch)  # line 6
        target = self.target(batch, z.detach())  # line 7
        policy = self.actor(batch.obs, z if c.actor_trains_encoder else z.detach())
        baseline = self.baseline(policy, batch, z)
        q = self.critics(batch.obs, batch.action, z)  # last: backward finds it in the cache
        weight = WEIGHTS[c.weighting](self.advantage(q, baseline), c.temperature, c.max_weight)
        critic = losses.critic_loss(q, target)  # line 8
        actor = losses.actor_loss(policy.log_prob(batch.action), weight)  # line 9
        self._descend(critic + actor + c.kl_weight * kl)  # lines 10 to 14
        scalars = {"critic_loss": critic, "actor_loss": actor, "kl_nats": kl}
        scalars |= {"value": q.detach().mean(), "weight": weight.mean()}
        return {name: value.detach() for name, value in scalars.items()}

    def code(self, context: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """A sampled z for each transition, (T, B, Z), and the mean KL in nats."""
        if not self.config.latent_size:
            return batch.obs[..., :0], batch.obs.new_zeros(())
        posterior = self.encode(context)
        z = posterior.sample(self._noise(posterior.mean.shape))
        z = z[:, None].expand(-1, batch.obs.shape[1], -1)
        return z, losses.kl_nats(posterior).mean()

    def encode(self, context: Tensor) -> Posterior:
        """Posterior over z of contexts (T, N, O + A + 1) with plain rewards."""
        if not self.config.latent_size:
            return self.encoder.prior(len(context))
        if self.config.reward_scale != 1:
            scaled = context[..., -1:] * self.config.reward_scale
            context = torch.cat((context[..., :-1], scaled), -1)
        return self.encoder(context)

    @torch.no_grad()
    def target(self, batch: Batch, z: Tensor) -> Tensor:
        """Bellman targets y, (T, B)."""
        c = self.config
        next_action = self._sample(self.actor(batch.next_obs, z))
        next_q = self.targets(batch.next_obs, next_action, z)  # (C, T, B)
        next_q = losses.reduce_critics(next_q, self._chosen())
        reward = batch.reward * c.reward_scale
        y = losses.td_target(reward, batch.terminated, next_q, batch.discount)
        return y.clamp(0.0, c.reward_scale) if c.unit_returns else y

    @torch.no_grad()
    def baseline(self, policy: Gaussian, batch: Batch, z: Tensor) -> Tensor:
        """Values Q(s, a' ~ pi, z) of an action of the policy, (C, T, B)."""
        return self.critics(batch.obs, self._sample(policy), z)

    @torch.no_grad()
    def advantage(self, q: Tensor, baseline: Tensor) -> Tensor:
        """A(s, a, z) = Q(s, a, z) - Q(s, a' ~ pi, z), (T, B), from both values (C, T, B)."""
        chosen = self._chosen() if len(q) == self.config.target_critics else None
        return losses.reduce_critics(q, chosen) - losses.reduce_critics(baseline, chosen)

    @torch.no_grad()
    def act(self, obs: Tensor, z: Tensor, generator: torch.Generator | None) -> Tensor:
        """Actions (..., A) for obs (..., O) and z (..., Z); without a generator the mean."""
        policy = self.actor(obs, z)
        if generator is None:
            return policy.mean
        return policy.sample(torch.randn(policy.mean.shape, generator=generator).to(obs))

    def set_rates(self, encoder: float, actor: float, critic: float) -> None:
        """Change the learning rates; 0 leaves a network as it is."""
        for group, rate in zip(self.optimizer.param_groups, (encoder, actor, critic), strict=True):
            group["lr"] = rate

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks by name, in a fixed order."""
        return {
            "encoder": self.encoder,
            "actor": self.actor,
            "critics": self.critics,
            "targets": self.targets,
        }

    def _descend(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        follow(self.targets.parameters(), self.critics.parameters(), self.config.target_rate)

    def _optimizer(self) -> torch.optim.Adam:
        c = self.config
        encoder, actor, critics = (list(self.networks[n].parameters()) for n in _TRAINED)
        groups = [
            {"params": encoder, "lr": c.encoder_rate},
            {"params": actor, "lr": c.actor_rate, "weight_decay": c.actor_weight_decay},
            {"params": critics, "lr": c.critic_rate},
        ]
        return torch.optim.Adam(groups, fused=True)

    def _noise(self, shape: torch.Size) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def _sample(self, policy: Gaussian) -> Tensor:
        noise = self._noise(policy.mean.shape).to(policy.mean.dtype)
        return policy.sample(noise)

    def _chosen(self) -> Tensor | slice | None:
        c = self.config
        if c.target_critics == 0:
            return None
        if c.target_critics == c.critics:
            return slice(None)
        order = torch.randperm(c.critics, generator=self.generator, device=self.device)
        return order[: c.target_critics]


_TRAINED = ("encoder", "actor", "critics")


@torch.no_grad()
def follow(targets: Iterable[Tensor], sources: Iterable[Tensor], rate: float) -> None:
    """Move each target a share of the way to its source: psi' <- psi' + rate (psi - psi')."""
    for target, source in zip(targets, sources, strict=True):
        target.lerp_(source, rate)
