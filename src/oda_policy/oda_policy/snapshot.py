"""From the networks that learn to the policy that acts."""

from typing import Any, Protocol

from torch import Tensor

from oda_core.spec import TaskSpec
from oda_policy.networks import Actor, Critics
from oda_policy.policy import Array, PolicyInfo, PolicySnapshot


class Acting(Protocol):
    """Whatever has an actor, and critics where its settings let them choose."""

    @property
    def actor(self) -> Actor:
        """The policy's network."""
        ...

    @property
    def critics(self) -> Critics | None:
        """Ensemble of values."""
        ...


def snapshot(
    agent: Acting,
    z: Tensor,
    version: int,
    spec: TaskSpec,
    exploration_noise: float = 0.0,
    drift: tuple[float, float] = (0.0, 0.0),
) -> PolicySnapshot:
    """The agent's policy for a task code z (Z,), with the noise of its training episodes."""
    actor, c = agent.actor, agent.actor.config
    layers = list(zip(actor.trunk.weights, actor.trunk.biases, strict=True))
    tensors: dict[str, Any] = {"z": _array(z)}
    for i, (weight, bias) in enumerate(layers):
        tensors[f"weight_{i}"], tensors[f"bias_{i}"] = _array(weight.T), _array(bias)
    if not c.state_dependent_std:
        tensors["raw_std"] = _array(actor.raw_std)
    if c.candidates > 1 and agent.critics is not None:
        for i, (weight, bias) in enumerate(
            zip(agent.critics.weights, agent.critics.biases, strict=True)
        ):
            tensors[f"critic_weight_{i}"], tensors[f"critic_bias_{i}"] = (
                _array(weight),
                _array(bias),
            )
    info = PolicyInfo(
        version=version,
        spec=spec,
        state_dependent_std=c.state_dependent_std,
        log_std_min=c.log_std_min,
        log_std_max=c.log_std_max,
        exploration_noise=exploration_noise,
        drift_low=drift[0],
        drift_high=drift[1],
        candidates=c.candidates,
        spread=c.spread,
        layer_norm=c.layer_norm,
    )
    return PolicySnapshot(info, tensors)


def _array(value: Tensor) -> Array:
    return value.detach().cpu().numpy().copy()
