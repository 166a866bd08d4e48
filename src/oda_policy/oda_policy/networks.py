"""Actor and critics as plain stacks of dense layers.

Letters: B batch, C critics, O obs, A action, Z latent, H hidden; ``...`` is any leading shape.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from oda_policy.config import RAW_STD, AgentConfig

Layers = tuple[tuple[nn.Parameter, nn.Parameter], ...]  # weight and bias of each


def _uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * bound)


def _pairs(weights: nn.ParameterList, biases: nn.ParameterList) -> Layers:
    """The layers, to be walked in every pass: a ParameterList is slow at that.

    Loading, moving and copying a module keeps them the module's own.
    """
    return tuple(zip(weights, biases, strict=True))


class Mlp(nn.Module):
    """Dense layers with ReLU between them."""

    def __init__(self, sizes: Sequence[int], generator: torch.Generator) -> None:
        """Initialise uniformly in ±1/sqrt(fan in).

        Args:
            sizes: input, hidden and output sizes.
            generator: source of the initial weights.
        """
        super().__init__()
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
            bound = 1 / math.sqrt(inputs)
            self.weights.append(_uniform((outputs, inputs), bound, generator))
            self.biases.append(_uniform((outputs,), bound, generator))
        self._layers = _pairs(self.weights, self.biases)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        h = x.reshape(-1, x.shape[-1])  # flat, or autograd tracks each layer's view
        *hidden, last = self._layers
        for weight, bias in hidden:
            h = functional.linear(h, weight, bias).relu_()
        return functional.linear(h, *last).reshape(*x.shape[:-1], -1)


class Gaussian(NamedTuple):
    """Independent normal distribution over actions."""

    mean: Tensor  # (..., A) in (-1, 1)
    log_std: Tensor  # (..., A)

    def log_prob(self, action: Tensor) -> Tensor:
        """Log density [nats] of actions (..., A), summed over A: (...)."""
        scaled = (action - self.mean) * torch.exp(-self.log_std)
        return -(0.5 * scaled.square() + self.log_std + 0.5 * math.log(2 * math.pi)).sum(-1)

    def sample(self, noise: Tensor) -> Tensor:
        """Action (..., A) within [-1, 1] for standard normal noise of that shape."""
        return (self.mean + torch.exp(self.log_std) * noise).clamp(-1, 1)


class Actor(nn.Module):
    """Gaussian policy pi(a | s, z): tanh mean, log standard deviation squashed into bounds.

    Source: AWAC's published actor, arXiv:2006.09359.
    """

    def __init__(self, sizes: tuple[int, int], config: AgentConfig, g: torch.Generator) -> None:
        """Initialise.

        Args:
            sizes: observation and action size.
            config: networks.
            g: source of the initial weights.
        """
        super().__init__()
        obs, action = sizes
        self.config = config
        heads = 2 if config.state_dependent_std else 1
        self.trunk = Mlp([obs + config.latent_size, *config.hidden, heads * action], g)
        if not config.state_dependent_std:
            self.raw_std = nn.Parameter(torch.zeros(action))

    def forward(self, obs: Tensor, z: Tensor) -> Gaussian:
        """Distribution of actions for obs (..., O) and z (..., Z)."""
        out = self.trunk(torch.cat((obs, z), -1) if z.shape[-1] else obs)
        if self.config.state_dependent_std:
            mean, raw = out.chunk(2, -1)
        else:
            mean, raw = out, self.raw_std.expand_as(out)
        low, high = self.config.log_std_min, self.config.log_std_max
        return Gaussian(torch.tanh(mean), low + (high - low) * torch.sigmoid(raw + RAW_STD))


class Critics(nn.Module):
    """Ensemble Q_c(s, a, z) with stacked weights.

    An accelerator computes all members in one batched product per layer; a CPU thread is faster
    with one after the other, whose layers stay in its cache.
    """

    def __init__(self, sizes: tuple[int, int], config: AgentConfig, g: torch.Generator) -> None:
        """Initialise; arguments as for Actor."""
        super().__init__()
        self.layer_norm = config.layer_norm
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        layers = [sum(sizes) + config.latent_size, *config.hidden, 1]
        for inputs, outputs in pairwise(layers):
            bound = 1 / math.sqrt(inputs)
            self.weights.append(_uniform((config.critics, inputs, outputs), bound, g))
            self.biases.append(_uniform((config.critics, 1, outputs), bound, g))
        self._layers = _pairs(self.weights, self.biases)

    def forward(self, obs: Tensor, action: Tensor, z: Tensor) -> Tensor:
        """Values (C, ...) of obs (..., O), action (..., A) and z (..., Z)."""
        x = torch.cat((obs, action, z), -1)
        flat = x.reshape(-1, x.shape[-1])  # (B, O + A + Z)
        values = self.together(flat) if flat.is_cuda else self.one_by_one(flat)
        return values.reshape(-1, *x.shape[:-1])

    def together(self, x: Tensor) -> Tensor:
        """Values (C, B, 1) of inputs (B, O + A + Z), one product per layer."""
        h = x.expand(len(self.weights[0]), -1, -1)
        *hidden, last = self._layers
        for weight, bias in hidden:
            h = self._activate(torch.baddbmm(bias, h, weight))  # (C, B, H)
        return torch.baddbmm(last[1], h, last[0])

    def one_by_one(self, x: Tensor) -> Tensor:
        """The same, one product per member and layer."""
        layers = [zip(w.unbind(), b.unbind(), strict=True) for w, b in self._layers]
        return torch.stack([self._member(x, member) for member in zip(*layers, strict=True)])

    def _member(self, x: Tensor, layers: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        *hidden, last = layers
        for weight, bias in hidden:
            x = self._activate(torch.addmm(bias, x, weight))
        return torch.addmm(last[1], x, last[0])

    def _activate(self, h: Tensor) -> Tensor:
        return (functional.layer_norm(h, h.shape[-1:]) if self.layer_norm else h).relu_()
