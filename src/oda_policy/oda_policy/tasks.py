"""The data of many tasks in one matrix, and what one update of meta-training draws from it.

Letters: T tasks, B batch, N context, O obs, A action, W width of a row (transitions.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from oda_core.errors import BufferFileError
from oda_core.spec import TaskSpec
from oda_policy.config import AgentConfig, MetaTrainConfig
from oda_policy.symmetry import Symmetry, draw_symmetry
from oda_policy.transitions import Batch, Layout, Trajectory, rows_of


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """Everything recorded for one training connector."""

    name: str
    demos: Sequence[Trajectory]
    offline: Sequence[Trajectory]
    sha256: str = ""  # of the buffer files, for the checkpoint


class TaskRows(NamedTuple):
    """Transitions of all tasks end to end: of each the offline ones, then the demonstrations."""

    rows: Tensor  # (sum of counts, W)
    counts: Tensor  # (T, 2) int64: offline transitions and demonstrated ones

    def thinned(self, offline: int, generator: torch.Generator) -> "TaskRows":
        """At most so many offline transitions of each task, drawn at random, in half precision."""
        kept, counts, start = [], [], 0
        for many, shown in self.counts.tolist():
            chosen = torch.randperm(many, generator=generator)[:offline].sort().values
            kept += [self.rows[start + chosen], self.rows[start + many : start + many + shown]]
            counts.append((len(chosen), shown))
            start += many + shown
        return TaskRows(torch.cat(kept).half(), torch.tensor(counts))


def lay_out(tasks: Sequence[TaskData], agent: AgentConfig) -> TaskRows:
    """Lay the tasks' rows end to end.

    Raises:
        BufferFileError: a task has no demonstrations or no offline data.
    """
    blocks, counts = [], []
    for task in tasks:
        sizes = []
        for kind, episodes in (("offline", task.offline), ("demonstration", task.demos)):
            if not episodes:
                raise BufferFileError(
                    f"task {task.name}: found no {kind} episodes, expected at least one; "
                    "record some or leave the task out"
                )
            rows = [rows_of(e, agent.n_step, agent.discount) for e in episodes]
            blocks += rows
            sizes.append(sum(len(r) for r in rows))
        counts.append(sizes)
    return TaskRows(torch.from_numpy(np.concatenate(blocks)), torch.tensor(counts))


def layout_of(tasks: Sequence[TaskData]) -> Layout:
    """Sizes of the tasks' transitions."""
    first = tasks[0].offline[0]
    return Layout(first.observations.shape[1], first.actions.shape[1])


class TaskTables:
    """Draws updates from the rows of all tasks: one gather per update."""

    def __init__(
        self,
        data: TaskRows,
        layout: Layout,
        config: MetaTrainConfig,
        device: str = "cpu",
        spec: TaskSpec | None = None,
    ) -> None:
        """Put the rows on a device.

        Args:
            data: rows of all tasks.
            layout: their sizes.
            config: how many tasks, transitions and demonstrations an update takes, and whether
                their frames change.
            device: where rows are drawn.
            spec: scaling of the data.
        """
        self.layout, self.config, self.spec = layout, config, spec or TaskSpec()
        self._rows = data.rows.to(device, torch.float32)
        offline, shown = data.counts.to(device).unbind(-1)
        start = data.counts.sum(-1).cumsum(0).to(device) - offline - shown
        pooled = offline + shown if config.pool_demos else offline
        segments = (torch.stack((start, pooled), -1), torch.stack((start + offline, shown), -1))
        self._segments = torch.stack(segments)  # (2, T, 2): first row and number of rows

    @property
    def shape(self) -> tuple[int, int]:
        """Tasks T and transitions B of each in an update."""
        total = self._segments.shape[1]
        return min(self.config.tasks or total, total), self.config.batch

    def sample(self, generator: torch.Generator) -> tuple[Batch, Tensor]:
        """Draw the batch (T, B) and the context (T, N, O + A + 1) of one update (lines 3 to 5)."""
        c, device = self.config, self._rows.device
        total = self._segments.shape[1]
        if 0 < c.tasks < total:
            order = torch.randperm(total, generator=generator, device=device)[: c.tasks]
            offline, demos = self._segments[:, order]  # (T, 2)
        else:
            offline, demos = self._segments
        from_demos = round(c.demo_fraction * c.batch)
        wanted = ((offline, c.batch - from_demos), (demos, from_demos + c.context))
        bounds = torch.cat([s[:, None].expand(-1, n, -1) for s, n in wanted], 1)  # (T, B + N, 2)
        uniform = torch.rand(bounds.shape[:2], generator=generator, device=device)
        index = bounds[..., 0] + (uniform * bounds[..., 1]).long()
        rows = self._rows.index_select(0, index.flatten()).view(*index.shape, -1)
        if c.symmetric:
            symmetry = draw_symmetry(len(rows), c, self.spec, generator)
            rows = self._changed(rows, symmetry)
        context = rows[:, c.batch :, : self.layout.context]
        return self.layout.split(rows[:, : c.batch]), context

    def _changed(self, rows: Tensor, symmetry: Symmetry) -> Tensor:
        obs, action = self.layout
        sizes = [obs, action, 2, obs, 2]
        before, acted, rewards, after, ends = rows.split(sizes, -1)
        scale = self.spec.rotation_scale_rad
        before, after = (symmetry.observations(o, scale) for o in (before, after))
        return torch.cat((before, symmetry.actions(acted), rewards, after, ends), -1)
