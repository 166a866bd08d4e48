"""Lines 5 to 15 of Algorithm 2: online AWAC on one connector, from a meta-trained checkpoint."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from oda_core.config import to_mapping
from oda_core.errors import CheckpointError
from oda_core.types import Episode
from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig, MetaTrainConfig
from oda_policy.encode import context_of, encode
from oda_policy.learner import Encoding
from oda_policy.meta_train import pick_device
from oda_policy.policy import PolicySnapshot
from oda_policy.replay import Replay
from oda_policy.snapshot import snapshot
from oda_policy.tasks import TaskTables
from oda_policy.training_state import load_state, save_state
from oda_policy.transitions import Batch, Layout, TransitionTable

STATE_NAME = "finetuner.safetensors"


class Finetuner:
    """The learner of one session. The same episodes in the same order give the same weights."""

    def __init__(
        self, checkpoint: Checkpoint, demos: Sequence[Episode], config: FinetuneConfig, seed: int
    ) -> None:
        """Load the weights and encode the demonstrations.

        Args:
            checkpoint: meta-trained weights.
            demos: demonstrations of the new connector, at least one.
            config: settings.
            seed: of batches, of the noise in updates and of a sampled z.

        Raises:
            BufferFileError: no demonstrations.
            CheckpointError: training tasks are to be rehearsed, but the checkpoint keeps none.
        """
        if config.threads:
            torch.set_num_threads(config.threads)
        self.config, self.spec, self.seed = config, checkpoint.info.spec, seed
        self.agent = _online_agent(checkpoint, config, seed)
        device, c = self.agent.device, self.agent.config
        self.replay = Replay(
            Layout(*self.agent.sizes), demos, n_step=c.n_step, discount=c.discount, device=device
        )
        self.replay.owed = float(self.first_updates)
        self.context = context_of(demos).to(device)
        self.encoding: Encoding = encode(self.agent, demos)
        self.memory = _memory(checkpoint, config, device)
        self.generator = torch.Generator(device).manual_seed(seed)
        self.updates = 0  # gradient updates done

    @property
    def online(self) -> TransitionTable:
        """Transitions of the episodes that were added."""
        return self.replay.online

    @property
    def stored(self) -> list[str]:
        """Each episode that was added, as "session/episode id"."""
        return self.replay.stored

    @property
    def first_updates(self) -> int:
        """Updates on the demonstrations alone when finetuning begins.

        As training data they call for updates like any other steps; a warm-up was theirs already.
        """
        c = self.config
        if c.warmup_updates or not c.demo_fraction:
            return 0
        return int(c.updates_per_step * len(self.replay.demos))

    @property
    def updates_due(self) -> int:
        """Updates to do now: updates_per_step for each transition, from the first training on."""
        replay = self.replay
        return int(replay.owed) if replay.trained >= self.config.warmup_episodes else 0

    def warm_up(self) -> dict[str, float]:
        """Updates on the demonstrations before the first episode; once, at the beginning."""
        return self.train(max(0, self.config.warmup_updates - self.updates))

    def add_episode(self, episode: Episode) -> bool:
        """Put an episode into the online table.

        Returns:
            False when it is there already or is an evaluation that the settings leave out.
        """
        c = self.config
        return self.replay.add(episode, c.updates_per_step, c.use_evaluations)

    def train(self, updates: int | None = None) -> dict[str, float]:
        """Do updates, by default all that are due; fewer leave the rest due.

        Returns:
            Scalars of the last update.
        """
        count = self.updates_due if updates is None else updates
        metrics: dict[str, Tensor] = {}
        for _ in range(count):
            self._set_rates()
            metrics = self.agent.update(*self._batch())
            self.updates += 1
        self.replay.owed = max(0.0, self.replay.owed - count)
        return {name: float(value) for name, value in metrics.items()}

    def snapshot(self, version: int) -> PolicySnapshot:
        """The policy that acts next, with its task code."""
        with torch.no_grad():
            posterior = self.agent.encode(self.context)
        z = posterior.mean[0]
        if self.config.sample_z:
            g = torch.Generator().manual_seed(self.seed + 7919 * version)
            z = z + posterior.var[0].sqrt() * torch.randn(z.shape, generator=g).to(z)
        return snapshot(self.agent, z, version, self.spec, self.config.exploration_noise)

    def save(self, directory: str | Path) -> None:
        """Write the complete state atomically, so that load goes on exactly from here."""
        counters = {
            "stored": self.replay.stored,
            "updates": self.updates,
            "trained": self.replay.trained,
            "owed": self.replay.owed,
        }
        save_state(
            Path(directory) / STATE_NAME,
            self.agent,
            self.generator,
            extra={"online": self.online.rows()},
            metadata=self._identity() | counters,
        )

    def load(self, directory: str | Path) -> bool:
        """Restore the state that save wrote; False when there is none.

        Raises:
            CheckpointError: truncated, or of another checkpoint, configuration or seed.
        """
        path = Path(directory) / STATE_NAME
        if not path.exists():
            return False
        extra, saved = load_state(path, self.agent, self.generator, self._identity())
        self.online.replace(extra["online"])
        self.replay.stored = [str(key) for key in saved["stored"]]
        self.updates, self.replay.trained = int(saved["updates"]), int(saved["trained"])
        self.replay.owed = float(saved["owed"])
        return True

    def _batch(self) -> tuple[Batch, Tensor]:
        """This connector's transitions and contexts and, below them, as many rehearsed ones."""
        c, shown = self.config, self.replay.demos
        own, share = (1, c.batch) if self.memory is None else self.memory.shape
        from_demos = 1.0 if self.updates < self.first_updates else c.demo_fraction
        drawn = [self.replay.sample(share, from_demos, self.generator) for _ in range(own)]
        contexts = [shown.sample(c.context, self.generator) for _ in range(own)]
        batch = shown.layout.split(torch.stack(drawn))  # (own, B, ...)
        context = torch.stack(contexts)[..., : shown.layout.context]
        if self.memory is None:
            return batch, context
        others, their_context = self.memory.sample(self.generator)
        joined = Batch(*(torch.cat(pair) for pair in zip(batch, others, strict=True)))
        return joined, torch.cat((context, their_context))

    def _set_rates(self) -> None:
        a, c = self.agent.config, self.config
        online = max(0, self.updates - c.warmup_updates)
        free = online >= c.critic_updates
        encoder = a.encoder_rate if free and c.train_encoder else 0.0
        self.agent.set_rates(encoder, a.actor_rate if free else 0.0, a.critic_rate)

    def _identity(self) -> dict[str, object]:
        fixed = {k: v for k, v in to_mapping(self.config).items() if k not in ("threads", "device")}
        return {
            "finetune": fixed,
            "agent": to_mapping(self.agent.config),
            "seed": self.seed,
            "demonstration_transitions": len(self.replay.demos),
            "encoding": [float(value) for value in self.encoding.mean],
        }


def _memory(checkpoint: Checkpoint, config: FinetuneConfig, device: str) -> TaskTables | None:
    """What draws the rehearsed tasks, with frames changed as in meta-training."""
    if not config.rehearsed:
        return None
    info, data = checkpoint.info, checkpoint.memory
    if data is None:
        raise CheckpointError(
            "checkpoint: found no memory of training tasks to rehearse; meta-train with memory "
            "above 0, or set rehearsed to 0"
        )
    tasks = min(config.rehearsed, len(data.counts))
    drawing = replace(
        MetaTrainConfig.preset("best"),
        tasks=tasks,
        batch=config.batch // (2 * tasks),
        context=config.context,
        symmetric=info.agent.latent_size > 0,  # without a task code nothing tells of a turn
    )
    layout = Layout(info.observation_size, info.action_size)
    return TaskTables(data, layout, drawing, device, info.spec)


def _online_agent(checkpoint: Checkpoint, config: FinetuneConfig, seed: int) -> Agent:
    agent = checkpoint.info.agent
    if config.temperature:
        agent = replace(agent, temperature=config.temperature)
    if config.learning_rate:
        rate = config.learning_rate
        agent = replace(agent, actor_rate=rate, critic_rate=rate, encoder_rate=rate)
    info = replace(checkpoint.info, agent=agent)
    online = Checkpoint(info=info, tensors=checkpoint.tensors)
    return online.agent(seed=seed, device=pick_device(config.device))
