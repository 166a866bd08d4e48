"""Gradient updates per second of AWAC without context, ours and d3rlpy's, in the same run."""

import time
from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from oda_bringup.bench import Measured
from oda_policy.agent import Agent
from oda_policy.config import AgentConfig
from oda_policy.transitions import Layout, TransitionTable

BATCH = 256
HIDDEN = (256, 256)
EPISODES, STEPS = 50, 80
SIZES = (18, 6)
ROUNDS, UPDATES = 7, 60
GOAL = 1.8


def measure() -> list[Measured]:
    """Ours and, where it is installed, d3rlpy's; batches are sampled within the time."""
    torch.set_num_threads(1)
    updates: dict[str, Callable[[], object]] = {"ours": _ours()}
    missing = ""
    try:
        updates["d3rlpy"] = _d3rlpy()
    except ImportError as error:  # an optional extra, and its own
        missing = f"not measured: {error}; pip install d3rlpy"
    rates = _rates(updates)
    found = [
        Measured(f"AWAC updates, {name}", rate, "1/s", "", True) for name, rate in rates.items()
    ]
    if missing:
        return [*found, Measured("AWAC against d3rlpy", 0.0, "x", missing, True)]
    ratio = rates["ours"] / rates["d3rlpy"]
    return [*found, Measured("AWAC against d3rlpy", ratio, "x", f">= {GOAL}", ratio >= GOAL)]


def _rates(updates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median updates per second; the rounds of all alternate, so that the load is the same."""
    seconds: dict[str, list[float]] = {name: [] for name in updates}
    for number in range(ROUNDS + 1):
        for name, update in updates.items():
            begin = time.perf_counter()
            for _ in range(UPDATES):
                update()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - begin)
    return {name: UPDATES / median(values) for name, values in seconds.items()}


def _episodes() -> list[Any]:
    rng = np.random.default_rng(0)
    last = np.arange(STEPS) == STEPS - 1
    return [
        SimpleNamespace(
            observations=rng.standard_normal((STEPS + 1, SIZES[0]), np.float32),
            actions=rng.uniform(-1, 1, (STEPS, SIZES[1])).astype(np.float32),
            rewards=last.astype(np.float32),
            terminations=last,
        )
        for _ in range(EPISODES)
    ]


def _ours() -> Callable[[], object]:
    config = AgentConfig(latent_size=0, hidden=HIDDEN)
    agent = Agent(SIZES, config, 0)
    layout = Layout(*SIZES)
    table = TransitionTable(layout, discount=config.discount)
    for episode in _episodes():
        table.append(episode)
    generator = torch.Generator().manual_seed(0)
    context = torch.zeros(1, 0, layout.context)
    return lambda: agent.update(layout.split(table.sample(BATCH, generator)[None]), context)


def _d3rlpy() -> Callable[[], object]:
    import d3rlpy

    factory = d3rlpy.models.VectorEncoderFactory(list(HIDDEN))
    config = d3rlpy.algos.AWACConfig(
        batch_size=BATCH, actor_encoder_factory=factory, critic_encoder_factory=factory
    )
    episodes = _episodes()
    dataset = d3rlpy.dataset.MDPDataset(
        np.concatenate([e.observations[:-1] for e in episodes]),
        np.concatenate([e.actions for e in episodes]),
        np.concatenate([e.rewards for e in episodes]),
        np.concatenate([e.terminations for e in episodes]),
    )
    algorithm = config.create(device=False)
    algorithm.build_with_dataset(dataset)
    return lambda: algorithm.update(dataset.sample_transition_batch(BATCH))
