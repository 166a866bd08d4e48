"""DDPG trained offline on the data of all connectors at once, then finetuned: what did not work.

Paper, section 5.2: a DDPG that is pretrained without context and without imitation does not
finetune well. The learner that goes on from here is ddpgfd.DdpgLearner with finetuning().
"""

from collections.abc import Sequence

import torch

from oda_core.errors import BufferFileError
from oda_policy.baselines.ddpg import DdpgAgent, DdpgConfig
from oda_policy.baselines.ddpgfd import DdpgfdConfig
from oda_policy.tasks import TaskData
from oda_policy.transitions import Layout, TransitionTable


def pretrain(tasks: Sequence[TaskData], config: DdpgConfig, updates: int, seed: int) -> DdpgAgent:
    """Train on demonstrations and offline episodes of all tasks in one table.

    Args:
        tasks: data of the training connectors.
        config: networks and losses.
        updates: of the critics.
        seed: of the initial weights and the batches.

    Raises:
        BufferFileError: no episodes.
    """
    episodes = [e for task in tasks for e in (*task.demos, *task.offline)]
    if not episodes:
        raise BufferFileError("no training connectors; name at least one with data")
    layout = Layout(episodes[0].observations.shape[1], episodes[0].actions.shape[1])
    table = TransitionTable(layout, n_step=config.n_step, discount=config.discount)
    for episode in episodes:
        table.append(episode)
    agent = DdpgAgent((layout.obs, layout.action), config, seed)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(updates):
        agent.update(layout.split(table.sample(config.batch, generator)))
    return agent


def finetuning(config: DdpgConfig) -> DdpgfdConfig:
    """Settings of the learner that goes on online: DDPG's loss alone, on online episodes."""
    return DdpgfdConfig(ddpg=config, demo_fraction=0.0, warmup_updates=0)
