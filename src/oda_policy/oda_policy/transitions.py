"""Transitions in flat tables, sampled with an explicit generator.

Letters: T tasks, B batch, O obs, A action. One row of a table is
``[obs O, action A, reward, n-step return, next obs O, terminated, discount]``;
its first O + A + 1 values are what the encoder reads.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oda_core.errors import BufferFileError


class Trajectory(Protocol):
    """What a table reads of an episode of T steps."""

    @property
    def observations(self) -> NDArray[np.float32]:
        """(T + 1, O)."""
        ...

    @property
    def actions(self) -> NDArray[np.float32]:
        """(T, A)."""
        ...

    @property
    def rewards(self) -> NDArray[np.float32]:
        """(T,)."""
        ...

    @property
    def terminations(self) -> NDArray[np.bool_]:
        """(T,), true at a true end of the task only."""
        ...


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """A trajectory that is nothing but its arrays."""

    observations: NDArray[np.float32]  # (T + 1, O)
    actions: NDArray[np.float32]  # (T, A)
    rewards: NDArray[np.float32]  # (T,)
    terminations: NDArray[np.bool_]  # (T,)


class Batch(NamedTuple):
    """Transitions of T tasks."""

    obs: Tensor  # (T, B, O)
    action: Tensor  # (T, B, A)
    reward: Tensor  # (T, B), discounted sum over n steps
    next_obs: Tensor  # (T, B, O), n steps later or at the episode's end
    terminated: Tensor  # (T, B), 1.0 at a true end, 0.0 at a time limit
    discount: Tensor  # (T, B), gamma to the number of steps to next_obs


class Layout(NamedTuple):
    """Sizes of a row."""

    obs: int
    action: int

    @property
    def context(self) -> int:
        """Values of a transition that the encoder reads: O + A + 1."""
        return self.obs + self.action + 1

    @property
    def width(self) -> int:
        """Values of a row."""
        return 2 * self.obs + self.action + 4

    def split(self, rows: Tensor) -> Batch:
        """Name the columns of rows (..., width) without a copy."""
        sizes = [self.obs, self.action, 1, 1, self.obs, 1, 1]
        obs, action, _, reward, next_obs, terminated, discount = rows.split(sizes, -1)
        ends = terminated.squeeze(-1), discount.squeeze(-1)
        return Batch(obs, action, reward.squeeze(-1), next_obs, *ends)


def rows_of(episode: Trajectory, n_step: int, discount: float) -> NDArray[np.float32]:
    """Rows (T, width) of one episode.

    Rewards never cross the episode's end: near it, fewer than n steps are summed, and next_obs is
    the episode's last observation. A time limit leaves terminated at 0.
    """
    steps = len(episode.rewards)
    reward = np.asarray(episode.rewards, np.float64)
    returns = np.zeros(steps)
    for k in range(min(n_step, steps)):
        returns[: steps - k] += discount**k * reward[k:]
    ahead = np.minimum(np.arange(steps) + n_step, steps)  # index of next_obs
    columns = (
        episode.observations[:-1],
        episode.actions,
        reward[:, None],
        returns[:, None],
        episode.observations[ahead],
        np.asarray(episode.terminations)[ahead - 1, None],
        discount ** (ahead - np.arange(steps))[:, None],
    )
    return np.concatenate([np.asarray(c, np.float32) for c in columns], axis=1)


class TransitionTable:
    """Growing table of the transitions of one task."""

    def __init__(
        self, layout: Layout, *, n_step: int = 1, discount: float = 0.99, device: str = "cpu"
    ) -> None:
        """Make an empty table on a device."""
        self.layout = layout
        self.n_step, self.discount = n_step, discount
        self._rows = torch.zeros((256, layout.width), device=device)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, episode: Trajectory) -> None:
        """Add every transition of an episode."""
        rows = torch.from_numpy(rows_of(episode, self.n_step, self.discount))
        if rows.shape[1] != self.layout.width:
            found = (episode.observations.shape[1], episode.actions.shape[1])
            raise BufferFileError(
                f"episode with (obs, action) sizes {found}, expected {tuple(self.layout)}; "
                "use data of the same robot"
            )
        needed = self._count + len(rows)
        if needed > len(self._rows):
            grown = self._rows.new_zeros((max(needed, 2 * len(self._rows)), self.layout.width))
            grown[: self._count] = self._rows[: self._count]
            self._rows = grown
        self._rows[self._count : needed] = rows.to(self._rows.device)
        self._count = needed

    def rows(self) -> Tensor:
        """Every row, (len, width)."""
        return self._rows[: self._count]

    def replace(self, rows: Tensor) -> None:
        """Hold these rows (len, width) instead, as rows() gave them."""
        self._rows = rows.to(self._rows.device)
        self._count = len(rows)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Rows (count, width), drawn uniformly with replacement.

        Raises:
            BufferFileError: the table is empty.
        """
        if not self._count:
            raise BufferFileError("no transitions to sample from; add an episode first")
        device = self._rows.device
        index = torch.randint(self._count, (count,), generator=generator, device=device)
        return self._rows.index_select(0, index)
