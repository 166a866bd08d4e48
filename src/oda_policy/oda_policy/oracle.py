"""Oracle: a policy that is told the true task instead of inferring it from demonstrations.

It bounds what a task code can be worth. In training the code stands behind each observation, so
that Algorithm 1 without a context needs no change; pi(a | [o, code]) is then pi(a | o, z = code).

Letters: T steps, O obs, A action, Z code, H hidden.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint
from oda_policy.tasks import TaskData
from oda_policy.transitions import Arrays, Trajectory

Array = NDArray[np.float32]


def tell(task: TaskData, code: Sequence[float]) -> TaskData:
    """The task with its code (Z,) behind every observation."""
    return replace(
        task,
        demos=[_told(episode, code) for episode in task.demos],
        offline=[_told(episode, code) for episode in task.offline],
        sha256=f"{task.sha256} told {','.join(f'{value:g}' for value in code)}",
    )


def conditioned(told: Checkpoint, code_size: int) -> Agent:
    """An agent on plain observations that takes the code as z, from one trained on told tasks.

    The actor reads (o, code), as (o, z); the critics read (o, code, a), but (o, a, z) here.
    """
    info = told.info
    source = told.agent()
    size = info.observation_size - code_size
    config = replace(info.agent, latent_size=code_size)
    agent = Agent((size, info.action_size), config, info.seed)
    agent.actor.load_state_dict(source.actor.state_dict())
    obs, code, action = torch.arange(size + code_size + info.action_size).split(
        [size, code_size, info.action_size]
    )
    order = torch.cat((obs, action, code))
    for critics, theirs in ((agent.critics, source.critics), (agent.targets, source.targets)):
        state = theirs.state_dict()
        state["weights.0"] = state["weights.0"][:, order]  # (C, O + A + Z, H)
        critics.load_state_dict(state)
    return agent


def _told(episode: Trajectory, code: Sequence[float]) -> Arrays:
    copies = np.tile(np.asarray(code, np.float32), (len(episode.observations), 1))
    return Arrays(
        observations=np.concatenate([episode.observations, copies], axis=1),
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=episode.terminations,
    )
