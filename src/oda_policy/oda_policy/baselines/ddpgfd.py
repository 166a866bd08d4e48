"""DDPG from demonstrations on one connector, and finetuning of a pretrained DDPG.

Source: Vecerik et al., arXiv:1707.08817; instead of priorities, each batch holds a fixed share of
demonstrations, as in RLPD, arXiv:2302.02948.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.types import ACTION_SIZE, OBSERVATION_SIZE, Episode
from oda_policy.baselines.ddpg import DdpgAgent, DdpgConfig
from oda_policy.config import described
from oda_policy.policy import PolicySnapshot
from oda_policy.replay import Replay
from oda_policy.snapshot import snapshot
from oda_policy.transitions import Layout

SIZES = (OBSERVATION_SIZE, ACTION_SIZE)


@described
@dataclass(frozen=True, kw_only=True)
class DdpgfdConfig:
    """Learning online with demonstrations in every batch."""

    ddpg: DdpgConfig = field(
        default_factory=lambda: DdpgConfig(bc_weight=0.3),
        metadata={"description": "networks and losses"},
    )
    updates_per_step: float = setting(3.0, "critic updates per environment step")
    demo_fraction: float = setting(0.5, "share of the batch from demonstrations")
    warmup_updates: int = setting(1000, "updates on the demonstrations before the first episode")
    drift_low: float = setting(0.03, "least size of the exploring drift, drawn per episode")
    drift_high: float = setting(0.25, "greatest size of the exploring drift")
    threads: int = setting(1, "CPU threads of the learner; 0 leaves torch's choice")


class DdpgLearner:
    """A Learner: DDPG with demonstrations in every batch, from scratch or from an agent."""

    def __init__(
        self,
        demos: Sequence[Episode],
        config: DdpgfdConfig,
        seed: int,
        *,
        spec: TaskSpec | None = None,
        start: DdpgAgent | None = None,
    ) -> None:
        """Take the demonstrations.

        Args:
            demos: of this connector, at least one.
            config: settings.
            seed: of the initial weights and the batches.
            spec: scaling of the data.
            start: an agent to go on from; it is trained further.
        """
        if config.threads:
            torch.set_num_threads(config.threads)
        self.config, self.spec = config, spec or TaskSpec()
        self.agent = start or DdpgAgent(SIZES, config.ddpg, seed)
        c = self.agent.config
        self.replay = Replay(Layout(*SIZES), demos, n_step=c.n_step, discount=c.discount)
        self.generator = torch.Generator().manual_seed(seed)
        self._warm = False

    @property
    def updates(self) -> int:
        """Critic updates done."""
        return self.agent.updates

    def warm_up(self) -> dict[str, float]:
        """Updates on the demonstrations before the first episode; once."""
        count, self._warm = (0 if self._warm else self.config.warmup_updates), True
        return self._train(count)

    def add_episode(self, episode: Episode) -> bool:
        """Put a training episode into the buffer; False for others and for known ones."""
        return self.replay.add(episode, self.config.updates_per_step)

    def train(self) -> dict[str, float]:
        """Do the updates that are due; scalars of the last one."""
        count = int(self.replay.owed)
        self.replay.owed -= count
        return self._train(count)

    def snapshot(self, version: int) -> PolicySnapshot:
        """The deterministic policy, with the drift of its training episodes."""
        drift = (self.config.drift_low, self.config.drift_high)
        return snapshot(self.agent, torch.zeros(0), version, self.spec, drift=drift)

    def _train(self, count: int) -> dict[str, float]:
        c, batch = self.config, self.agent.config.batch
        metrics: dict[str, Tensor] = {}
        for _ in range(count):
            rows = self.replay.sample(batch, c.demo_fraction, self.generator)
            demos = round(c.demo_fraction * batch)
            metrics |= self.agent.update(self.replay.demos.layout.split(rows), demos)
        return {name: float(value) for name, value in metrics.items()}
