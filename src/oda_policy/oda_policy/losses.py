"""Losses of Algorithm 1: pure functions, one equation each (docs/algorithm.md).

Letters: T tasks, B batch, C critics, A action, Z latent. Values may carry any shape in place
of (T, B); losses are means over it, so that every task weighs the same.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from oda_policy.encoder import Posterior

Weight = Callable[[Tensor], Tensor]  # advantages (T, B) to weights (T, B)


def td_target(reward: Tensor, terminated: Tensor, next_q: Tensor, discount: Tensor) -> Tensor:
    """Line 7: y = r + gamma (1 - terminated) Q(s', a', z).

    Args:
        reward: (T, B), summed over n steps with discounts when n > 1.
        terminated: (T, B), 1.0 at a true end, 0.0 elsewhere and at a time limit.
        next_q: (T, B), value of s' under the policy.
        discount: (T, B), gamma to the number of steps between s and s'.

    Returns:
        (T, B). A time limit is no end of the task: the critic bootstraps there.
    """
    return reward + discount * (1 - terminated) * next_q


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Line 8: mean of (Q(s, a, z) - y)² over critics (C, T, B) and transitions (T, B)."""
    return (q - target).square().mean()


def exp_weight(advantage: Tensor, temperature: float, max_weight: float) -> Tensor:
    """Line 9: exp(A / lambda), clipped from above; (T, B)."""
    return torch.exp((advantage / temperature).clamp_max(math.log(max_weight)))


def softmax_weight(advantage: Tensor, temperature: float, max_weight: float) -> Tensor:
    """Weights normalised over the batch of each task to mean one, as rlkit's AWAC; (T, B)."""
    weight = torch.softmax(advantage / temperature, -1) * advantage.shape[-1]
    return weight.clamp_max(max_weight)


def actor_loss(log_prob: Tensor, weight: Tensor) -> Tensor:
    """Line 9: mean of -log pi(a | s, z) times the weight, which is a constant; (T, B) both."""
    return -(log_prob * weight.detach()).mean()


def kl_nats(posterior: Posterior) -> Tensor:
    """Line 10: KL(q(z | c) || N(0, I)) of each task in nats, (T,)."""
    mean, var = posterior
    return 0.5 * (var + mean.square() - 1 - var.log()).sum(-1)


def reduce_critics(q: Tensor, chosen: Tensor | slice | None) -> Tensor:
    """One value (T, B) from (C, T, B): minimum of the chosen critics, or the mean if None."""
    return q.mean(0) if chosen is None else q[chosen].amin(0)
