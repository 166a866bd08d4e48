"""Demonstration encoder q(z | c): one Gaussian factor per transition, multiplied.

Letters: T tasks, N context transitions, D = O + A + 1 values of a transition, Z latent.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from oda_policy.config import AgentConfig
from oda_policy.networks import Mlp

VARIANCE_FLOOR = 1e-7


class Posterior(NamedTuple):
    """Independent normal distribution over the task code."""

    mean: Tensor  # (T, Z)
    var: Tensor  # (T, Z)

    def sample(self, noise: Tensor) -> Tensor:
        """Task codes (T, Z), differentiable, for standard normal noise (T, Z)."""
        return self.mean + self.var.sqrt() * noise


def fuse(mean: Tensor, var: Tensor) -> Posterior:
    """Multiply N Gaussian factors into one task posterior.

    Args:
        mean: (T, N, Z).
        var: (T, N, Z), all > 0.

    Returns:
        Posterior mean and variance, each (T, Z).

    Source: PEARL, arXiv:1903.08254, equation of the permutation-invariant encoder.
    """
    precision = var.reciprocal()
    fused = precision.sum(-2).reciprocal()
    return Posterior(fused * (mean * precision).sum(-2), fused)


class Encoder(nn.Module):
    """PEARL's encoder on demonstration transitions (o, a, r)."""

    def __init__(self, sizes: tuple[int, int], config: AgentConfig, g: torch.Generator) -> None:
        """Initialise.

        Args:
            sizes: observation and action size.
            config: networks.
            g: source of the initial weights.
        """
        super().__init__()
        self.latent_size = config.latent_size
        self.trunk = Mlp([sum(sizes) + 1, *config.encoder_hidden, 2 * config.latent_size], g)

    def forward(self, context: Tensor) -> Posterior:
        """Posterior over z, (T, Z) each, from transitions (T, N, D) in any order."""
        mean, raw = self.trunk(context).chunk(2, -1)
        return fuse(mean, functional.softplus(raw).clamp_min(VARIANCE_FLOOR))

    def prior(self, tasks: int) -> Posterior:
        """Standard normal posterior of T tasks, as an empty context gives it."""
        like = self.trunk.weights[0]
        shape = (tasks, self.latent_size)
        return Posterior(torch.zeros(shape).to(like), torch.ones(shape).to(like))
