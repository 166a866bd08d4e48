"""What adaptation asks of a method: the one interface of ODA and of every baseline."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from oda_core.types import Episode
from oda_policy.policy import PolicySnapshot


class Encoding(NamedTuple):
    """What the demonstrations say about the task."""

    mean: NDArray[np.float32]  # (Z,)
    std: NDArray[np.float32]  # (Z,)
    kl_nats: float
    demonstrations: int
    transitions: int


class Learner(Protocol):
    """The learner of one session on one connector, made from its demonstrations.

    The same demonstrations, episodes and seed give the same snapshots. ODA, AWAC without context
    and finetuned AWAC are finetune.Finetuner; the others lie in oda_policy.baselines.
    """

    def warm_up(self) -> dict[str, float]:
        """What is learned from the demonstrations before the first episode; last scalars."""
        ...

    def add_episode(self, episode: Episode) -> bool:
        """Take a finished episode; False when it is known or the method does not use it."""
        ...

    def train(self) -> dict[str, float]:
        """Do the updates that the episodes call for; scalars of the last one."""
        ...

    def snapshot(self, version: int) -> PolicySnapshot:
        """The policy that acts next, numbered from 0."""
        ...
