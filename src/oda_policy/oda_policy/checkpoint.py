"""Checkpoints: safetensors with JSON metadata, never pickle."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import CheckpointError, ConfigError
from oda_core.files import write_atomic
from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE, TaskSpec
from oda_policy.agent import Agent
from oda_policy.config import AgentConfig
from oda_policy.tasks import TaskRows
from oda_policy.tensor_file import read_tensors
from oda_policy.transitions import Layout

FORMAT = 1
_KEY = "oda_checkpoint"
_MEMORY = "memory."


class Networked(Protocol):
    """Whatever has networks."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The networks by name, in a fixed order."""
        ...


def library_versions() -> dict[str, str]:
    """Versions of what computes."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """What a checkpoint records besides its weights."""

    agent: AgentConfig
    spec: TaskSpec = field(default_factory=TaskSpec)  # normalisation and limits; spec.robot
    observation_size: int = OBSERVATION_SIZE
    action_size: int = ACTION_SIZE
    preset: str = ""
    seed: int = 0
    updates: int = 0
    tasks: tuple[str, ...] = ()
    data_sha256: Mapping[str, str] = field(default_factory=dict)  # task to hash of its buffers
    metrics: Mapping[str, float] = field(default_factory=dict)  # last of training; KL in nats
    versions: Mapping[str, str] = field(default_factory=library_versions)
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights of encoder, actor, critics and targets, and where they come from."""

    info: CheckpointInfo
    tensors: Mapping[str, Tensor]
    memory: TaskRows | None = None  # some of the training tasks' data, to rehearse in finetuning

    @classmethod
    def of(cls, agent: Agent, info: CheckpointInfo, memory: TaskRows | None = None) -> "Checkpoint":
        """Copy an agent's weights."""
        return cls(info=info, tensors=agent_tensors(agent), memory=memory)

    def agent(self, *, seed: int = 0, device: str = "cpu") -> Agent:
        """A new agent with these weights; the seed is of its noise in updates."""
        sizes = (self.info.observation_size, self.info.action_size)
        agent = Agent(sizes, self.info.agent, seed, device)
        load_agent_tensors(agent, self.tensors, "checkpoint")
        return agent

    def save(self, path: str | Path) -> None:
        """Write atomically."""
        tensors = dict(self.tensors)
        if self.memory is not None:
            tensors |= {f"{_MEMORY}{k}": v.contiguous() for k, v in self.memory._asdict().items()}
        write_atomic(path, save(tensors, {_KEY: json.dumps(to_mapping(self.info))}))

    @classmethod
    def load(cls, path: str | Path, *, spec: TaskSpec | None = None) -> "Checkpoint":
        """Read and check a checkpoint.

        Args:
            path: file.
            spec: robot, scaling and limits that the policy will meet; None takes any.

        Raises:
            CheckpointError: missing, truncated, unknown or missing keys, other sizes or robot.
        """
        tensors, metadata = read_tensors(path, _KEY, load)
        info = _checked_info(metadata, path, spec)
        kept = {k: tensors.pop(k) for k in [*tensors] if k.startswith(_MEMORY)}
        checkpoint = cls(info=info, tensors=tensors, memory=_memory(kept, info, path))
        load_agent_tensors(
            Agent((info.observation_size, info.action_size), info.agent, 0), tensors, str(path)
        )
        return checkpoint


def agent_tensors(agent: Networked) -> dict[str, Tensor]:
    """Weights of all networks by dotted name, copied to the CPU."""
    return {
        f"{name}.{key}": value.detach().cpu().clone().contiguous()
        for name, network in agent.networks.items()
        for key, value in network.state_dict().items()
    }


def load_agent_tensors(agent: Networked, tensors: Mapping[str, Tensor], where: str) -> None:
    """Set an agent's weights in place.

    Raises:
        CheckpointError: a name or a shape differs from the agent's networks.
    """
    expected = {name: value.shape for name, value in agent_tensors(agent).items()}
    found = {name: value.shape for name, value in tensors.items()}
    if expected != found:
        names = sorted(n for n in expected | found if expected.get(n) != found.get(n))
        first = names[0]
        raise CheckpointError(
            f"{where}: tensor {first}: found {_shape(found.get(first))}, expected "
            f"{_shape(expected.get(first))} (and {len(names) - 1} more); the file is damaged or "
            "of another version"
        )
    for name, network in agent.networks.items():
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        network.load_state_dict(own)


def _checked_info(data: dict[str, Any], path: str | Path, spec: TaskSpec | None) -> CheckpointInfo:
    if data.get("format") != FORMAT:
        found = data.get("format")
        raise CheckpointError(f"{path}: found format {found}, expected {FORMAT}; meta-train again")
    try:
        info = from_mapping(CheckpointInfo, data, str(path))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    if spec is not None:
        check_compatible(info, spec, str(path))
    return info


def check_compatible(info: CheckpointInfo, spec: TaskSpec, where: str) -> None:
    """Refuse a checkpoint of another robot, observation size or scaling.

    Raises:
        CheckpointError: what was found, what the robot sends.
    """
    for name, found, live in (
        ("observation size", info.observation_size, OBSERVATION_SIZE),
        ("action size", info.action_size, ACTION_SIZE),
        *(
            (item.name, getattr(info.spec, item.name), getattr(spec, item.name))
            for item in fields(spec)
        ),
    ):
        if found != live and name != "max_steps":
            raise CheckpointError(
                f"{where}: {name} {found}, this robot has {live}; choose another checkpoint"
            )


def _memory(
    tensors: Mapping[str, Tensor], info: CheckpointInfo, path: str | Path
) -> TaskRows | None:
    """The rehearsal data, if there is any."""
    if not tensors:
        return None
    named = {name.removeprefix(_MEMORY): value for name, value in tensors.items()}
    width = Layout(info.observation_size, info.action_size).width
    rows, counts = named.get("rows"), named.get("counts")
    if rows is None or counts is None or rows.shape != (int(counts.sum()), width):
        found = {name: tuple(value.shape) for name, value in named.items()}
        raise CheckpointError(
            f"{path}: memory: found {found}, expected rows (sum of counts, {width}) and counts "
            "(tasks, 2); the file is damaged or of another version"
        )
    return TaskRows(rows, counts)


def _shape(shape: torch.Size | None) -> str:
    return "nothing" if shape is None else str(tuple(shape))
