"""Lines 2 and 3 of Algorithm 2: demonstrations of a new connector become a task code."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from oda_core.errors import BufferFileError
from oda_policy.agent import Agent
from oda_policy.encoder import Posterior
from oda_policy.learner import Encoding
from oda_policy.losses import kl_nats
from oda_policy.transitions import Trajectory


def context_of(demos: Sequence[Trajectory]) -> Tensor:
    """Every transition of the demonstrations, (1, N, O + A + 1).

    Raises:
        BufferFileError: no demonstrations.
    """
    if not demos:
        raise BufferFileError(
            "found no demonstrations, expected at least one (20 are usual); "
            "record them with oda demo"
        )
    rows = [np.c_[d.observations[:-1], d.actions, d.rewards].astype(np.float32) for d in demos]
    return torch.from_numpy(np.concatenate(rows))[None]


@torch.no_grad()
def encode(agent: Agent, demos: Sequence[Trajectory]) -> Encoding:
    """Posterior over z from all transitions of the demonstrations.

    Raises:
        BufferFileError: no demonstrations.
    """
    context = context_of(demos).to(agent.device)
    posterior: Posterior = agent.encode(context)
    return Encoding(
        mean=posterior.mean[0].cpu().numpy(),
        std=posterior.var[0].sqrt().cpu().numpy(),
        kl_nats=float(kl_nats(posterior)[0]),
        demonstrations=len(demos),
        transitions=context.shape[1],
    )
