"""Speed of learning: AWAC updates per second, ours against d3rlpy's on the same data.

d3rlpy is an optional extra of this benchmark: ``pip install d3rlpy==2.8.1``.
"""

import importlib.metadata
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from oda_core.errors import ConfigError
from oda_core.spec import TaskSpec
from oda_policy.agent import Agent
from oda_policy.config import AgentConfig
from oda_policy.policy import episode_generator
from oda_policy.snapshot import snapshot
from oda_policy.transitions import Arrays, Layout, TransitionTable


@dataclass(frozen=True, kw_only=True)
class LearningBench:
    """What is measured: the same sizes on both sides, one thread, sampling included."""

    batch: int = 256
    hidden: tuple[int, ...] = (256, 256)
    observation_size: int = 18
    action_size: int = 6
    episodes: int = 100
    steps: int = 80
    repeats: int = 41  # short and alternating, so that both meet the same load
    updates: int = 10  # per repeat
    seed: int = 0


def bench_updates(work: LearningBench) -> dict[str, Any]:
    """Median updates per second of both learners and the ratio of the medians.

    Raises:
        ConfigError: d3rlpy is not installed.
    """
    if importlib.util.find_spec("d3rlpy") is None:
        raise ConfigError(
            "d3rlpy is not installed, which this benchmark compares with; "
            "run pip install d3rlpy==2.8.1"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = make_data(work)
        ours, theirs = our_update(work, data), d3rlpy_update(work, data)
        for update in (ours, theirs):
            _rate(update, work.updates)  # warm-up
        rounds = [
            tuple(_rate(update, work.updates) for update in (ours, theirs))
            for _ in range(work.repeats)
        ]
    finally:
        torch.set_num_threads(threads)
    mine, others = (statistics.median(r) for r in zip(*rounds, strict=True))
    return {
        "work": asdict(work),
        "oda_updates_per_s": mine,
        "d3rlpy_updates_per_s": others,
        "ratio": mine / others,
        "rounds": rounds,
        "versions": {n: importlib.metadata.version(n) for n in ("torch", "d3rlpy", "numpy")},
    }


def bench_policy(calls: int = 2000) -> dict[str, float]:
    """Time of one sampled action of the acting policy [ms]: median and 99th percentile."""
    agent = Agent((18, 6), AgentConfig.best(), seed=0)
    policy = snapshot(agent, torch.zeros(5), 0, TaskSpec())
    obs, generator = np.zeros(18, np.float32), episode_generator(0, 0)
    times: list[float] = []
    for _ in range(calls):
        begin = time.perf_counter()
        policy.act(obs, generator)
        times.append((time.perf_counter() - begin) * 1e3)
    times.sort()
    return {"median_ms": times[calls // 2], "p99_ms": times[int(0.99 * calls)]}


def make_data(work: LearningBench) -> list[Arrays]:
    """Random episodes that both learners read."""
    rng = np.random.default_rng(work.seed)
    shape = (work.steps + 1, work.observation_size)
    return [
        Arrays(
            observations=rng.normal(size=shape).astype(np.float32),
            actions=rng.uniform(-0.99, 0.99, (work.steps, work.action_size)).astype(np.float32),
            rewards=(np.arange(work.steps) == work.steps - 1).astype(np.float32),
            terminations=np.arange(work.steps) == work.steps - 1,
        )
        for _ in range(work.episodes)
    ]


def our_update(work: LearningBench, data: list[Arrays]) -> Callable[[], object]:
    """One AWAC update without context, with two critics and sampling."""
    layout = Layout(work.observation_size, work.action_size)
    config = AgentConfig(latent_size=0, hidden=work.hidden, critics=2, target_critics=2)
    agent = Agent((layout.obs, layout.action), config, work.seed)
    table = TransitionTable(layout, discount=config.discount)
    for episode in data:
        table.append(episode)
    generator = torch.Generator().manual_seed(work.seed)
    context = torch.zeros(1, 0, layout.context)
    return lambda: agent.update(layout.split(table.sample(work.batch, generator)[None]), context)


def d3rlpy_update(work: LearningBench, data: list[Arrays]) -> Callable[[], object]:
    """One update of d3rlpy's AWAC of the same sizes, with sampling."""
    import d3rlpy  # pyright: ignore[reportMissingImports]

    episodes = [
        d3rlpy.dataset.Episode(
            observations=e.observations[:-1],
            actions=e.actions,
            rewards=e.rewards[:, None],
            terminated=True,
        )
        for e in data
    ]
    buffer = d3rlpy.dataset.ReplayBuffer(d3rlpy.dataset.InfiniteBuffer(), episodes=episodes)
    encoder = d3rlpy.models.VectorEncoderFactory(list(work.hidden))
    config = d3rlpy.algos.AWACConfig(
        batch_size=work.batch,
        n_critics=2,
        actor_encoder_factory=encoder,
        critic_encoder_factory=encoder,
    )
    learner = config.create(device="cpu:0")
    learner.build_with_dataset(buffer)
    return lambda: learner.update(buffer.sample_transition_batch(work.batch))


def _rate(update: Callable[[], object], count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        update()
    return count / (time.perf_counter() - begin)
