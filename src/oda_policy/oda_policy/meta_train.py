"""Algorithm 1: meta-train encoder, actor and critics on the recorded data of many connectors."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from oda_core.config import to_mapping
from oda_core.errors import BufferFileError, OdaError
from oda_core.spec import TaskSpec
from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint, CheckpointInfo
from oda_policy.config import MetaTrainConfig
from oda_policy.tasks import TaskData, TaskTables, lay_out, layout_of
from oda_policy.training_state import load_state, save_state

Listener = Callable[[int, dict[str, float]], None]  # updates done, scalars


class CollapseError(OdaError):
    """The task code carries no information: the run failed."""


def meta_train(
    tasks: Sequence[TaskData],
    config: MetaTrainConfig,
    output: Path,
    *,
    spec: TaskSpec | None = None,
    preset: str = "",
    listeners: Sequence[Listener] = (),
) -> Checkpoint:
    """Meta-train and write a checkpoint; a killed run goes on from its last saved state.

    Args:
        tasks: demonstrations and offline data of each training connector.
        config: settings.
        output: checkpoint file; the training state lies beside it until the run is complete.
        spec: scaling of the data.
        preset: name to record.
        listeners: called with the number of updates and the mean scalars since the last call.

    Raises:
        BufferFileError: no tasks, or a task without data.
        CheckpointError: a training state of other settings or data lies beside output.
        CollapseError: the posterior's KL ended below config.min_kl_nats; the weights are kept
            under another name, beside output.
    """
    if not tasks:
        raise BufferFileError("no training connectors; name at least one with data")
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    data, layout = lay_out(tasks, config.agent), layout_of(tasks)
    tables = TaskTables(data, layout, config, device, spec)
    agent = Agent((layout.obs, layout.action), config.agent, config.seed, device)
    metrics = _train(agent, tables, _Run(tasks, config, output, listeners))
    info = replace(
        _origin(tasks, config),
        spec=spec or TaskSpec(),
        observation_size=layout.obs,
        action_size=layout.action,
        preset=preset,
        metrics=metrics,
    )
    generator = torch.Generator().manual_seed(config.seed)
    kept = data.thinned(config.memory, generator) if config.memory else None
    checkpoint = Checkpoint.of(agent, info, kept)
    _gate(checkpoint, config, output)
    checkpoint.save(output)
    state_file(output).unlink(missing_ok=True)
    return checkpoint


def _origin(tasks: Sequence[TaskData], config: MetaTrainConfig) -> CheckpointInfo:
    """What a checkpoint of these tasks and settings comes from."""
    return CheckpointInfo(
        agent=config.agent,
        seed=config.seed,
        updates=config.updates,
        tasks=tuple(task.name for task in tasks),
        data_sha256={task.name: task.sha256 for task in tasks},
    )


def state_file(output: Path) -> Path:
    """Where a run keeps its training state until it is complete."""
    return output.with_name(f"{output.name}.state")


def pick_device(name: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` takes cuda where it is present."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


class _Run:
    """What a training loop reads and writes besides the agent."""

    def __init__(
        self,
        tasks: Sequence[TaskData],
        config: MetaTrainConfig,
        output: Path,
        listeners: Sequence[Listener],
    ) -> None:
        self.config, self.listeners = config, listeners
        self.path = state_file(output)
        settings = {k: v for k, v in to_mapping(config).items() if k not in _FREE}
        data = {t.name: [t.sha256, len(t.demos), len(t.offline)] for t in tasks}
        self.identity = {"config": settings, "data": data}


_FREE = ("save_every", "device", "threads")  # may change between a run and its resumption


def _train(agent: Agent, tables: TaskTables, run: _Run) -> dict[str, float]:
    c = run.config
    generator = torch.Generator(agent.device).manual_seed(c.seed)
    done, metrics, sums = 0, dict[str, float](), dict[str, torch.Tensor]()
    if run.path.exists():
        extra, saved = load_state(run.path, agent, generator, run.identity)
        done, metrics = int(saved["updates"]), saved["metrics"]
        sums = {name: value.to(agent.device) for name, value in extra.items()}
    for update in range(done + 1, c.updates + 1):
        scalars = agent.update(*tables.sample(generator))
        sums = {name: sums.get(name, 0) + value for name, value in scalars.items()}
        if update % c.log_every == 0 or update == c.updates:
            count = update % c.log_every or c.log_every
            metrics = {name: float(value) / count for name, value in sums.items()}
            sums = {}
            for listener in run.listeners:
                listener(update, metrics)
        if update % c.save_every == 0:
            progress = {"updates": update, "metrics": metrics}
            save_state(run.path, agent, generator, extra=sums, metadata=run.identity | progress)
    return metrics


def _gate(checkpoint: Checkpoint, config: MetaTrainConfig, output: Path) -> None:
    kl = checkpoint.info.metrics["kl_nats"]
    if config.agent.latent_size == 0 or kl >= config.min_kl_nats:
        return
    kept = output.with_name(f"{output.name}.collapsed")
    checkpoint.save(kept)
    raise CollapseError(
        f"the task code collapsed: KL {kl:.4f} nats, expected at least {config.min_kl_nats}; z "
        f"says nothing about the connector, so this run failed. Lower agent.kl_weight (now "
        f"{config.agent.kl_weight}) and train again. The weights are kept in {kept}"
    )


@contextmanager
def tensorboard(directory: Path) -> Generator[Listener, None, None]:
    """Listener that writes scalars for TensorBoard."""
    writer = SummaryWriter(str(directory))

    def listen(update: int, scalars: dict[str, float]) -> None:
        for name, value in scalars.items():
            writer.add_scalar(name, value, update)

    try:
        yield listen
    finally:
        writer.close()


@contextmanager
def progress(total: int, console: Console) -> Generator[Listener, None, None]:
    """Listener that draws a progress bar with the newest scalars."""
    columns = (
        TextColumn("meta-train"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)

        def listen(update: int, scalars: dict[str, float]) -> None:
            text = "  ".join(f"{name} {value:.3g}" for name, value in scalars.items())
            bar.update(task, completed=update, description=text)

        yield listen
