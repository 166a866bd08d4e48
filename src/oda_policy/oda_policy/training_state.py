"""The complete state of a learner as tensors: weights, Adam moments and generators.

A learner restored from it goes on exactly as if it had never stopped.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from oda_core.errors import CheckpointError
from oda_core.files import write_atomic
from oda_policy.agent import Agent
from oda_policy.checkpoint import agent_tensors, load_agent_tensors
from oda_policy.tensor_file import read_tensors

_KEY = "oda_training_state"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_state(
    path: str | Path,
    agent: Agent,
    generator: torch.Generator,
    *,
    extra: Mapping[str, Tensor],
    metadata: Mapping[str, Any],
) -> None:
    """Write a learner's state atomically.

    Args:
        path: file.
        agent: weights, optimizer and noise.
        generator: source of the batches.
        extra: further tensors to keep.
        metadata: plain values to keep.
    """
    tensors = {f"weights.{k}": v for k, v in agent_tensors(agent).items()}
    tensors |= {f"adam.{k}": v for k, v in _moments(agent).items()}
    tensors |= {f"extra.{k}": v.detach().cpu().clone().contiguous() for k, v in extra.items()}
    tensors |= {
        "generator.batch": generator.get_state(),
        "generator.noise": agent.generator.get_state(),
    }
    write_atomic(path, save(tensors, {_KEY: json.dumps(dict(metadata))}))


def load_state(
    path: str | Path, agent: Agent, generator: torch.Generator, expected: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Restore a learner in place.

    Args:
        path: file that save_state wrote.
        agent: learner of the same configuration.
        generator: source of the batches.
        expected: metadata that must be the same as when the state was saved.

    Returns:
        The extra tensors and all metadata.

    Raises:
        CheckpointError: missing, truncated, or of another configuration or other data.
    """
    tensors, metadata = read_tensors(path, _KEY, load)
    for name, value in json.loads(json.dumps(dict(expected))).items():
        if metadata.get(name) != value:
            raise CheckpointError(
                f"{path}: {name} was {_short(metadata.get(name))}, is now {_short(value)}; resume "
                "with the same settings and data, or remove the file to begin anew"
            )
    load_agent_tensors(agent, _named(tensors, "weights."), str(path))
    _restore_moments(agent, _named(tensors, "adam."))
    generator.set_state(tensors["generator.batch"])
    agent.generator.set_state(tensors["generator.noise"])
    return _named(tensors, "extra."), metadata


def _moments(agent: Agent) -> dict[str, Tensor]:
    states = agent.optimizer.state_dict()["state"]
    return {
        f"{i}.{name}": state[name].detach().cpu().clone()
        for i, state in states.items()
        for name in _MOMENTS
    }


def _restore_moments(agent: Agent, tensors: Mapping[str, Tensor]) -> None:
    current = agent.optimizer.state_dict()
    indices = sorted({int(name.split(".")[0]) for name in tensors})
    state = {i: {name: tensors[f"{i}.{name}"] for name in _MOMENTS} for i in indices}
    agent.optimizer.load_state_dict({**current, "state": state})


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
