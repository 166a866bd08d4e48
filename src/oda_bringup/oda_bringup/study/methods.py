"""The methods as data: what each learns beforehand, and how it learns one connector."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from oda_bringup.study.pretraining import (
    DdpgTraining,
    MetaTraining,
    OracleTraining,
    Pretraining,
)
from oda_bringup.study.scale import Effort
from oda_core.spec import TaskSpec
from oda_core.types import Episode
from oda_policy.baselines.bc import BcConfig, BcLearner
from oda_policy.baselines.ddpg_pretrain import finetuning
from oda_policy.baselines.ddpgfd import DdpgfdConfig, DdpgLearner
from oda_policy.baselines.files import load_ddpg
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig, MetaTrainConfig, Preset
from oda_policy.finetune import Finetuner
from oda_policy.learner import Learner


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a learner of one connector begins with."""

    checkpoint: Path | None
    demos: Sequence[Episode]
    seed: int


@dataclass(frozen=True, kw_only=True)
class Awac:
    """Algorithm 2 from a checkpoint, with a task code or without."""

    config: FinetuneConfig

    def learner(self, start: Start) -> Learner:
        """A learner of one connector."""
        config = replace(self.config, device="cpu")
        checkpoint = Checkpoint.load(str(start.checkpoint), spec=TaskSpec())
        return Finetuner(checkpoint, start.demos, config, start.seed)

    def within(self, effort: Effort) -> "Awac":
        """The same with fewer updates."""
        return Awac(config=_fewer(self.config, effort))


@dataclass(frozen=True, kw_only=True)
class Ddpg:
    """DDPG online, with demonstrations or without, from a pretrained agent or from nothing."""

    config: DdpgfdConfig = field(default_factory=DdpgfdConfig)

    def learner(self, start: Start) -> Learner:
        """A learner of one connector."""
        agent = load_ddpg(start.checkpoint)[0] if start.checkpoint else None
        return DdpgLearner(start.demos, self.config, start.seed, start=agent)

    def within(self, effort: Effort) -> "Ddpg":
        """The same with fewer updates."""
        return Ddpg(config=_fewer(self.config, effort))


@dataclass(frozen=True, kw_only=True)
class Cloning:
    """Behavioural cloning."""

    config: BcConfig = field(default_factory=BcConfig)

    def learner(self, start: Start) -> Learner:
        """A learner of one connector."""
        return BcLearner(start.demos, self.config, start.seed)

    def within(self, effort: Effort) -> "Cloning":
        """The same with fewer updates."""
        return Cloning(config=replace(self.config, updates=min(effort.first, self.config.updates)))


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of the tables."""

    name: str
    label: str
    learning: Awac | Ddpg | Cloning
    pretraining: Pretraining | None = None

    def within(self, effort: Effort | None) -> "Method":
        """The same with fewer updates of its learner."""
        return replace(self, learning=self.learning.within(effort)) if effort else self

    @property
    def useful_at_once(self) -> bool:
        """Worth an evaluation before it was ever on the robot."""
        return not isinstance(self.learning, Ddpg) or self.pretraining is not None

    @property
    def pretrained_as(self) -> str:
        """Name of its checkpoint among the training stage's; empty: there is none."""
        return self.pretraining.label if self.pretraining else ""


Online = TypeVar("Online", FinetuneConfig, DdpgfdConfig)


def _fewer(config: Online, effort: Effort) -> Online:
    return replace(
        config,
        warmup_updates=min(effort.first, config.warmup_updates),
        updates_per_step=min(effort.per_step, config.updates_per_step),
    )


def _meta(preset: Preset, label: str, **agent: object) -> MetaTraining:
    base = MetaTraining(config=MetaTrainConfig.preset(preset), label=label)
    return base.changed({"agent": agent})


def _finetune(preset: Preset, **changes: object) -> Awac:
    settings = FinetuneConfig.preset(preset)
    return Awac(config=replace(settings, **changes))  # pyright: ignore[reportArgumentType]


PAPER, BEST = _meta("paper", "oda-paper"), _meta("best", "oda-best")
AWAC_PAPER = replace(
    _meta("paper", "awac-paper", latent_size=0).changed({"pool_demos": True}), label="awac-paper"
)
AWAC_BEST = replace(  # without context nothing could tell it how a task was turned
    _meta("best", "awac-best", latent_size=0).changed({"symmetric": False}), label="awac-best"
)
ORACLE = OracleTraining(  # on the tasks as they are: what turns a task does not turn its code
    config=MetaTrainConfig(
        agent=AWAC_BEST.config.agent,
        tasks=AWAC_BEST.config.tasks,
        batch=AWAC_BEST.config.batch,
        demo_fraction=AWAC_BEST.config.demo_fraction,
    ),
    label="oracle",
)
DDPG, DDPGFD = DdpgTraining(), Ddpg()

_ALL = (
    Method(
        name="oda-paper", label="ODA, paper", learning=_finetune("paper"), pretraining=PAPER,
    ),
    Method(name="oda-best", label="ODA, best", learning=_finetune("best"), pretraining=BEST),
    Method(
        name="awac-paper",
        label="AWAC, settings of paper",
        learning=_finetune("paper", demo_fraction=0.5),
        pretraining=AWAC_PAPER,
    ),
    Method(
        name="awac-best-plain",
        label="AWAC, settings of best, no updates",
        learning=_finetune("best"),
        pretraining=AWAC_BEST,
    ),
    Method(
        name="awac-best",
        label="AWAC, settings of best, 300 updates",
        learning=_finetune("best", warmup_updates=300),
        pretraining=AWAC_BEST,
    ),
    Method(name="bc", label="behavioural cloning", learning=Cloning()),
    Method(name="ddpgfd", label="DDPGfD", learning=DDPGFD),
    Method(
        name="ddpg-pretrained",
        label="DDPG, pretrained offline",
        learning=Ddpg(config=finetuning(DDPG.config)),
        pretraining=DDPG,
    ),
    Method(
        name="ddpg-scratch",
        label="DDPG, random weights",
        learning=Ddpg(config=finetuning(DDPG.config)),
    ),
)  # fmt: skip
METHODS = {method.name: method for method in _ALL}
FIG3 = ("oda-paper", "oda-best", "awac-paper", "awac-best-plain", "awac-best", "bc")
FIG4 = ("oda-paper", "oda-best", "awac-paper", "awac-best", "ddpgfd")
NEGATIVE = ("ddpg-pretrained", "ddpg-scratch")

# What `best` is made of, one change back at a time: name to changed settings of Algorithm 1.
ABLATIONS: dict[str, dict[str, object]] = {
    "as it is": {},
    "tasks as recorded": {"symmetric": False},
    "one sampled action": {"agent": {"candidates": 1, "spread": 1.0}},
    "spread as trained": {"agent": {"spread": 1.0}},
    "critics without layer norm": {"agent": {"layer_norm": False}},
    "one spread for all observations": {"agent": {"state_dependent_std": False}},
    "discount 0.99": {"agent": {"discount": 0.99}},
    "targets not clipped": {"agent": {"unit_returns": False}},
    "temperature 0.3": {"agent": {"temperature": 0.3}},
    "KL weight 0.1": {"agent": {"kl_weight": 0.1}},
    "actor apart from the encoder": {"agent": {"actor_trains_encoder": False}},
    "no share of demonstrations": {"demo_fraction": 0.0},
}
