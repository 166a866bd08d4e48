"""DDPG with two normalised critics and clipped n-step targets: the core under DDPGfD.

Letters: B batch, C critics, O obs, A action; ``...`` is any leading shape.
Source: Lillicrap et al., arXiv:1509.02971; the minimum of two critics and the delayed actor are
those of TD3, arXiv:1802.09477.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oda_core.settings import setting
from oda_policy import losses
from oda_policy.agent import follow
from oda_policy.config import AgentConfig, described
from oda_policy.networks import Actor, Critics
from oda_policy.transitions import Batch

STILL = -20.0  # log standard deviation of a policy that does not sample


@described
@dataclass(frozen=True, kw_only=True)
class DdpgConfig:
    """Networks and losses of DDPG."""

    hidden: tuple[int, ...] = setting((128, 128), "hidden sizes of actor and critics")
    critics: int = setting(2, "critics; their minimum is the target")
    layer_norm: bool = setting(True, "normalise the critics' hidden layers")
    discount: float = setting(0.98, "discount gamma per step")
    n_step: int = setting(3, "steps of reward before the critic bootstraps")
    batch: int = setting(128, "transitions in one update")
    target_rate: float = setting(0.01, "share of the critics that their targets take per update")
    actor_rate: float = setting(3e-4, "learning rate of the actor")
    critic_rate: float = setting(3e-4, "learning rate of the critics")
    actor_every: int = setting(2, "critic updates for each update of the actor")
    unit_returns: bool = setting(True, "clip targets to [0, 1]: rewards end episodes and are 1")
    bc_weight: float = setting(0.0, "weight of imitating demonstrations in the actor's loss")

    def networks(self) -> AgentConfig:
        """The same networks as AWAC's, with a policy that does not sample."""
        return AgentConfig(
            latent_size=0,
            hidden=self.hidden,
            critics=self.critics,
            target_critics=self.critics,
            layer_norm=self.layer_norm,
            log_std_min=STILL,
            log_std_max=STILL + 1,
        )


def policy_loss(q: Tensor) -> Tensor:
    """Mean of -Q(s, pi(s)) over critics (C, B) and transitions."""
    return -q.mean()


def imitation_loss(action: Tensor, shown: Tensor) -> Tensor:
    """Mean over demonstrated transitions of |pi(s) - a|²; (B, A) both."""
    return (action - shown).square().sum(-1).mean()


class DdpgAgent:
    """Networks, targets and optimizers. It draws no random numbers after its initial weights."""

    def __init__(
        self, sizes: tuple[int, int], config: DdpgConfig, seed: int, device: str = "cpu"
    ) -> None:
        """Initialise every weight from the seed.

        Args:
            sizes: observation and action size (O, A).
            config: networks and losses.
            seed: of the initial weights.
            device: where the networks live.
        """
        g, c = torch.Generator().manual_seed(seed), config.networks()
        self.config, self.sizes, self.device = config, sizes, device
        self.actor = Actor(sizes, c, g).to(device)
        self.critics = Critics(sizes, c, g).to(device)
        self.targets = Critics(sizes, c, g).to(device).requires_grad_(False)
        self.targets.load_state_dict(self.critics.state_dict())
        self._policy = list(self.actor.trunk.parameters())
        self._actor_steps = torch.optim.Adam(self._policy, lr=config.actor_rate, fused=True)
        self._critic_steps = torch.optim.Adam(
            self.critics.parameters(), lr=config.critic_rate, fused=True
        )
        self.updates = 0  # of the critics

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks by name, in a fixed order."""
        return {"actor": self.actor, "critics": self.critics, "targets": self.targets}

    def update(self, batch: Batch, demos: int = 0) -> dict[str, Tensor]:
        """One update of the critics, and of the actor when it is its turn.

        Args:
            batch: transitions (B, ...).
            demos: how many of the first transitions are demonstrations to imitate.

        Returns:
            Scalars to log.
        """
        self.updates += 1
        scalars = self._update_critics(batch)
        if self.updates % self.config.actor_every == 0:
            scalars |= self._update_actor(batch, demos)
        return {name: value.detach() for name, value in scalars.items()}

    def act(self, obs: Tensor) -> Tensor:
        """Actions pi(s) (..., A) of obs (..., O)."""
        return torch.tanh(self.actor.trunk(obs))

    def value(self, obs: Tensor, action: Tensor) -> Tensor:
        """Q(s, a) (C, ...) of obs (..., O) and action (..., A)."""
        return self.critics(obs, action, obs[..., :0])

    @torch.no_grad()
    def target(self, batch: Batch) -> Tensor:
        """Bellman targets y, (B,)."""
        next_q = self.targets(batch.next_obs, self.act(batch.next_obs), batch.obs[..., :0])
        y = losses.td_target(batch.reward, batch.terminated, next_q.amin(0), batch.discount)
        return y.clamp(0.0, 1.0) if self.config.unit_returns else y

    def _update_critics(self, batch: Batch) -> dict[str, Tensor]:
        q = self.value(batch.obs, batch.action)
        loss = losses.critic_loss(q, self.target(batch))
        self._critic_steps.zero_grad(set_to_none=True)
        loss.backward()
        self._critic_steps.step()
        follow(self.targets.parameters(), self.critics.parameters(), self.config.target_rate)
        return {"critic_loss": loss, "value": q.mean()}

    def _update_actor(self, batch: Batch, demos: int) -> dict[str, Tensor]:
        action = self.act(batch.obs)
        loss = policy_loss(self.value(batch.obs, action))
        scalars = {"actor_loss": loss}
        if demos and self.config.bc_weight:
            imitation = imitation_loss(action[:demos], batch.action[:demos])
            scalars["imitation_loss"] = imitation
            loss = loss + self.config.bc_weight * imitation
        gradients = torch.autograd.grad(loss, self._policy)  # none for the critics
        for parameter, gradient in zip(self._policy, gradients, strict=True):
            parameter.grad = gradient
        self._actor_steps.step()
        return scalars
