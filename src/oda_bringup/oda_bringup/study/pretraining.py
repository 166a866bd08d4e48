"""What each method learns before it sees a new connector: from the training data to one file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oda_core.config import from_mapping, to_mapping
from oda_policy.baselines.ddpg import DdpgConfig
from oda_policy.baselines.ddpg_pretrain import pretrain
from oda_policy.baselines.files import save_ddpg
from oda_policy.config import MetaTrainConfig
from oda_policy.meta_train import meta_train
from oda_policy.oracle import tell
from oda_policy.tasks import TaskData

ROW_S = 30e-6  # on one core, per transition of an update of Algorithm 1
UPDATE_S = 2e-3  # on one core, per update of DDPG
NAME = "checkpoint.safetensors"
Codes = Mapping[str, Sequence[float]]  # task to its true code
Metrics = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class MetaTraining:
    """Algorithm 1; a collapsed task code is reported by its KL, not refused."""

    config: MetaTrainConfig
    label: str = ""

    def scaled(self, updates: int) -> "MetaTraining":
        """The same with another number of updates."""
        return replace(self, config=replace(self.config, updates=updates))

    def changed(self, changes: Mapping[str, Any]) -> "MetaTraining":
        """The same with other settings, nested as the config is."""
        settings = _merged(to_mapping(self.config), changes)
        return replace(self, config=from_mapping(MetaTrainConfig, settings, "ablation"))

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        c = self.config
        return c.updates * (c.tasks or 11) * (c.batch + c.context / 3) * ROW_S

    def train(self, tasks: Sequence[TaskData], codes: Codes, seed: int, output: Path) -> Metrics:
        """Write the checkpoint; a killed run goes on."""
        config = replace(self.config, seed=seed, min_kl_nats=0.0, device="cpu")
        checkpoint = meta_train(tasks, config, output, preset=self.label)
        return dict(checkpoint.info.metrics)


@dataclass(frozen=True, kw_only=True)
class OracleTraining(MetaTraining):
    """Algorithm 1 without a context, on observations that end with the true task."""

    def train(self, tasks: Sequence[TaskData], codes: Codes, seed: int, output: Path) -> Metrics:
        """Write the checkpoint; a killed run goes on."""
        told = [tell(task, codes[task.name]) for task in tasks]
        return super().train(told, codes, seed, output)


@dataclass(frozen=True, kw_only=True)
class DdpgTraining:
    """DDPG on everything recorded, without context: the paper's negative result."""

    config: DdpgConfig = field(default_factory=DdpgConfig)
    updates: int = 30_000
    label: str = "ddpg"

    def scaled(self, updates: int) -> "DdpgTraining":
        """The same with another number of updates."""
        return replace(self, updates=updates)

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return self.updates * UPDATE_S

    def train(self, tasks: Sequence[TaskData], codes: Codes, seed: int, output: Path) -> Metrics:
        """Write the weights."""
        agent = pretrain(tasks, self.config, self.updates, seed)
        save_ddpg(output, agent, {"tasks": [task.name for task in tasks], "seed": seed})
        return {"updates": float(agent.updates)}


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    inner = {k: _merged(values[k], v) for k, v in changes.items() if isinstance(v, Mapping)}
    return {**values, **changes, **inner}


Pretraining = MetaTraining | DdpgTraining
