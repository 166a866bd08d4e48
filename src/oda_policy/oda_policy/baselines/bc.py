"""Behavioural cloning: a Gaussian policy by likelihood on the demonstrations, never finetuned."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.types import Episode
from oda_policy import losses
from oda_policy.baselines.ddpgfd import SIZES
from oda_policy.config import AgentConfig, described
from oda_policy.networks import Actor, Gaussian
from oda_policy.policy import PolicySnapshot
from oda_policy.snapshot import snapshot
from oda_policy.transitions import Batch, Layout, TransitionTable


@described
@dataclass(frozen=True, kw_only=True)
class BcConfig:
    """Imitation of the demonstrations."""

    hidden: tuple[int, ...] = setting((256, 256), "hidden sizes of the policy")
    updates: int = setting(3000, "gradient updates at most")
    batch: int = setting(256, "transitions in one update")
    rate: float = setting(3e-4, "learning rate")
    weight_decay: float = setting(1e-4, "L2 penalty")
    log_std_min: float = setting(-3.0, "smallest log standard deviation")
    held_out: float = setting(0.2, "share of the demonstrations that tell when to stop; 0: none")
    check_every: int = setting(100, "updates between looks at the demonstrations held out")
    threads: int = setting(1, "CPU threads of the learner; 0 leaves torch's choice")


class BcLearner:
    """A Learner that learns in warm_up only."""

    def __init__(
        self,
        demos: Sequence[Episode],
        config: BcConfig,
        seed: int,
        *,
        spec: TaskSpec | None = None,
    ) -> None:
        """Divide the demonstrations.

        Args:
            demos: of this connector, at least one.
            config: settings.
            seed: of the initial weights and the batches.
            spec: scaling of the data.
        """
        if config.threads:
            torch.set_num_threads(config.threads)
        self.config, self.spec = config, spec or TaskSpec()
        generator = torch.Generator().manual_seed(seed)
        networks = AgentConfig(
            latent_size=0,
            hidden=config.hidden,
            state_dependent_std=True,
            log_std_min=config.log_std_min,
        )
        self.actor = Actor(SIZES, networks, generator)
        self.critics = None  # nobody chooses among its actions
        self.generator = generator
        held_out = min(round(config.held_out * len(demos)), len(demos) - 1)
        self.shown = _table(demos[: len(demos) - held_out])
        self.held_out = _table(demos[len(demos) - held_out :]) if held_out else None
        self.updates = 0

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The network by name."""
        return {"actor": self.actor}

    def warm_up(self) -> dict[str, float]:
        """Imitate, and keep the weights under which the demonstrations held out are likeliest."""
        c = self.config
        steps = torch.optim.Adam(
            self.actor.parameters(), lr=c.rate, weight_decay=c.weight_decay, fused=True
        )
        best, kept = float("inf"), self.actor.state_dict()
        metrics: dict[str, float] = {}
        while self.updates < c.updates:
            rows = self.shown.sample(c.batch, self.generator)
            loss = self.loss(self.shown.layout.split(rows))
            steps.zero_grad(set_to_none=True)
            loss.backward()
            steps.step()
            self.updates += 1
            if self.held_out is not None and self.updates % c.check_every == 0:
                with torch.no_grad():
                    unseen = float(self.loss(self.held_out.layout.split(self.held_out.rows())))
                if unseen < best:
                    best, kept = unseen, copy.deepcopy(self.actor.state_dict())
                    metrics = {"loss": float(loss.detach()), "held_out_loss": best}
        if self.held_out is not None:
            self.actor.load_state_dict(kept)
        return metrics

    def loss(self, batch: Batch) -> Tensor:
        """Mean of -log pi(a | s) over transitions (B, ...): AWAC's actor loss with weights 1."""
        policy: Gaussian = self.actor(batch.obs, batch.obs[..., :0])
        return losses.actor_loss(policy.log_prob(batch.action), torch.ones_like(batch.reward))

    def add_episode(self, episode: Episode) -> bool:
        """False: nothing is learned online."""
        return False

    def train(self) -> dict[str, float]:
        """Nothing: the paper's cloned policy is not finetuned."""
        return {}

    def snapshot(self, version: int) -> PolicySnapshot:
        """The cloned policy."""
        return snapshot(self, torch.zeros(0), version, self.spec)


def _table(demos: Sequence[Episode]) -> TransitionTable:
    table = TransitionTable(Layout(*SIZES))
    for demo in demos:
        table.append(demo)
    return table
