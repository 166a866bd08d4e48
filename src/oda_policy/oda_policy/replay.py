"""What a learner of one connector keeps: demonstrations, online episodes, updates that are due."""

from collections.abc import Sequence

import torch
from torch import Tensor

from oda_core.types import Episode, Purpose
from oda_policy.transitions import Layout, Trajectory, TransitionTable


class Replay:
    """Demonstrations and online episodes in two tables, each episode once."""

    def __init__(
        self,
        layout: Layout,
        demos: Sequence[Trajectory],
        *,
        n_step: int,
        discount: float,
        device: str = "cpu",
    ) -> None:
        """Begin with the demonstrations alone."""
        self.demos = TransitionTable(layout, n_step=n_step, discount=discount, device=device)
        self.online = TransitionTable(layout, n_step=n_step, discount=discount, device=device)
        self.stored: list[str] = []  # "session/episode id" of every episode in the online table
        self.trained = 0  # training episodes added
        self.owed = 0.0  # updates that the added transitions call for
        for demo in demos:
            self.demos.append(demo)

    def add(self, episode: Episode, updates_per_step: float, use_evaluations: bool = False) -> bool:
        """Put an episode into the online table; training episodes call for updates.

        Returns:
            False when it is there already or is an evaluation that is to be left out.
        """
        key = f"{episode.end.session}/{episode.end.episode_id}"
        training = episode.end.purpose is Purpose.TRAINING
        if key in self.stored or not (training or use_evaluations):
            return False
        self.online.append(episode)
        self.stored.append(key)
        if training:
            self.trained += 1
            self.owed += updates_per_step * len(episode)
        return True

    def sample(self, batch: int, demo_fraction: float, generator: torch.Generator) -> Tensor:
        """Rows (batch, width), demonstrations first; all of them until there is an episode."""
        from_demos = round(demo_fraction * batch) if len(self.online) else batch
        parts = [self.demos.sample(from_demos, generator)] if from_demos else []
        if from_demos < batch:
            parts.append(self.online.sample(batch - from_demos, generator))
        return torch.cat(parts)
