"""A DDPG agent on disk: safetensors with JSON metadata, as checkpoints are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load, save

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import CheckpointError, ConfigError
from oda_core.files import write_atomic
from oda_policy.baselines.ddpg import DdpgAgent, DdpgConfig
from oda_policy.checkpoint import agent_tensors, load_agent_tensors
from oda_policy.tensor_file import read_tensors

_KEY = "oda_ddpg"


def save_ddpg(path: str | Path, agent: DdpgAgent, metadata: Mapping[str, Any]) -> None:
    """Write actor, critics and targets atomically.

    Args:
        path: file.
        agent: networks and settings.
        metadata: plain values to keep beside them.
    """
    own = {"config": to_mapping(agent.config), "sizes": agent.sizes, "updates": agent.updates}
    text = json.dumps({**own, "metadata": dict(metadata)})
    write_atomic(path, save(agent_tensors(agent), {_KEY: text}))


def load_ddpg(path: str | Path) -> tuple[DdpgAgent, dict[str, Any]]:
    """The agent and the metadata that save_ddpg wrote; moments of the optimizers begin anew.

    Raises:
        CheckpointError: missing, truncated or of another version.
    """
    tensors, found = read_tensors(path, _KEY, load)
    try:
        config = from_mapping(DdpgConfig, found["config"], str(path))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    obs, action = found["sizes"]
    agent = DdpgAgent((int(obs), int(action)), config, 0)
    load_agent_tensors(agent, tensors, str(path))
    agent.updates = int(found["updates"])
    return agent, found["metadata"]
