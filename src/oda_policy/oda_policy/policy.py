"""The policy that acts: actor weights, task code and version, small enough for one message.

Numpy alone: a node that acts starts in a moment and needs no torch.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import CheckpointError, ConfigError
from oda_core.spec import TaskSpec
from oda_core.types import Purpose
from oda_policy.config import RAW_STD
from oda_policy.exploration import Drift
from oda_policy.judge import Judge
from oda_policy.tensor_file import parse_tensors

_KEY = "oda_policy"
Array = NDArray[np.float32]


def episode_generator(seed: int, episode_id: int) -> np.random.Generator:
    """Source of an episode's sampled actions; the same for the same seed and episode."""
    return np.random.default_rng([seed, episode_id])


@dataclass(frozen=True, kw_only=True)
class PolicyInfo:
    """What a snapshot records besides its weights."""

    version: int
    spec: TaskSpec
    state_dependent_std: bool
    log_std_min: float
    log_std_max: float
    exploration_noise: float = 0.0  # standard deviation of white noise in training episodes
    drift_low: float = 0.0  # least and greatest size of the drift that each one draws
    drift_high: float = 0.0
    candidates: int = 1  # sampled actions of which the critics choose one
    spread: float = 1.0  # factor on the standard deviation of sampled actions
    layer_norm: bool = False  # of the critics
    format: int = 1


class PolicySnapshot:
    """One version of the policy for one task, in numpy: the same actions on every machine."""

    def __init__(self, info: PolicyInfo, tensors: Mapping[str, Array]) -> None:
        """Prepare a snapshot.

        Args:
            info: version, scaling and spread.
            tensors: ``z`` (Z,), ``weight_i`` (in, out), ``bias_i`` (out,) and, where the spread
                does not depend on the observation, ``raw_std`` (A,); with several candidates
                ``critic_weight_i`` (C, in, out) and ``critic_bias_i`` (C, 1, out).
        """
        self.info = info
        self.tensors = {name: np.ascontiguousarray(v, np.float32) for name, v in tensors.items()}
        count = sum(name.startswith("weight_") for name in tensors)
        self._layers = [
            (self.tensors[f"weight_{i}"], self.tensors[f"bias_{i}"]) for i in range(count)
        ]
        self._obs_size = self._layers[0][0].shape[0] - len(self.z)
        # the task code never changes while acting: fold it into the first bias
        first, bias = self._layers[0]
        folded = np.asarray(bias + self.z @ first[self._obs_size :], np.float32)
        self._layers[0] = (first[: self._obs_size], folded)
        self._judge = self._make_judge() if info.candidates > 1 else None

    @property
    def version(self) -> int:
        """Counts up from 0 within a session."""
        return self.info.version

    @property
    def z(self) -> Array:
        """Task code (Z,)."""
        return self.tensors["z"]

    def act(self, obs: Array, generator: np.random.Generator | None = None) -> Array:
        """Action (6,) in [-1, 1] for an observation (18,).

        Args:
            obs: scaled observation.
            generator: source of a sampled action, or of the candidates from which the critics
                choose; None gives the mean action.
        """
        mean, std = self.distribution(obs)
        if generator is None:
            return mean
        shape = (self.info.candidates, len(mean))
        noise = np.float32(self.info.spread) * generator.standard_normal(shape, np.float32)
        actions = _clip(mean + std * noise)
        return actions[0] if self._judge is None else self._judge.best(obs, actions)

    def chooser(
        self, generator: np.random.Generator, purpose: Purpose, deterministic: bool
    ) -> Callable[[Array], Array]:
        """Actions (6,) of one episode from its observations (18,).

        Args:
            generator: source of everything random in the episode.
            purpose: training episodes explore.
            deterministic: mean actions.
        """
        if deterministic:
            return self.act
        if purpose is Purpose.TRAINING:
            return self._explorer(generator)
        return lambda obs: self.act(obs, generator)

    def _explorer(self, generator: np.random.Generator) -> Callable[[Array], Array]:
        """Sampled actions with the noise of training episodes added."""
        info = self.info
        drift: Drift | None = None
        if info.drift_high > 0:
            drift = Drift(generator.uniform(info.drift_low, info.drift_high), generator)

        def explore(obs: Array) -> Array:
            action = self.act(obs, generator)
            if info.exploration_noise:
                noise = generator.standard_normal(action.shape, np.float32)
                action = _clip(action + np.float32(info.exploration_noise) * noise)
            return action if drift is None else _clip(action + drift.step())

        return explore

    def distribution(self, obs: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the action, (6,) each."""
        if obs.shape != (self._obs_size,):
            raise CheckpointError(
                f"observation of shape {obs.shape}, this policy expects ({self._obs_size},); "
                "choose another checkpoint"
            )
        h = obs
        for weight, bias in self._layers[:-1]:
            h = np.maximum(h @ weight + bias, 0)
        out = h @ self._layers[-1][0] + self._layers[-1][1]
        mean, raw = (
            np.split(out, 2) if self.info.state_dependent_std else (out, self.tensors["raw_std"])
        )
        low, high = self.info.log_std_min, self.info.log_std_max
        log_std = low + (high - low) * (0.5 + 0.5 * np.tanh(0.5 * (raw + RAW_STD)))  # a sigmoid
        return np.tanh(mean), np.exp(log_std).astype(np.float32)

    def _make_judge(self) -> Judge:
        count = sum(name.startswith("critic_weight_") for name in self.tensors)
        layers = [
            (self.tensors[f"critic_weight_{i}"], self.tensors[f"critic_bias_{i}"])
            for i in range(count)
        ]
        return Judge(layers, self.z, self._obs_size, self.info.layer_norm)

    def to_bytes(self) -> bytes:
        """Safetensors bytes, about 300 kB, or 1 MB with critics."""
        return save(self.tensors, {_KEY: json.dumps(to_mapping(self.info))})

    @classmethod
    def from_bytes(cls, data: bytes, spec: TaskSpec | None = None) -> "PolicySnapshot":
        """Read a snapshot.

        Args:
            data: what to_bytes gave.
            spec: scaling and limits of the robot; None takes any.

        Raises:
            CheckpointError: truncated, of another format or of another robot.
        """
        tensors, metadata = parse_tensors(data, _KEY, "policy weights", load)
        info = _info(metadata)
        if spec is not None and info.spec != spec:
            raise CheckpointError(
                f"policy weights: found {info.spec}, this robot has {spec}; "
                "choose another checkpoint"
            )
        return cls(info, tensors)


def _clip(action: NDArray[Any]) -> Array:
    return np.clip(action, -1.0, 1.0).astype(np.float32)


def _info(metadata: dict[str, Any]) -> PolicyInfo:
    try:
        return from_mapping(PolicyInfo, metadata, "policy weights")
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
