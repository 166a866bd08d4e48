"""Sparse point robot: an algorithm check with a known answer, in seconds.

A point starts at the origin of the plane and has 20 steps of length <= 0.1. A hidden goal lies on
the upper half of the unit circle; the reward is 1 - distance within 0.2 of it, else 0. It observes
its position in units of that radius. The best return is about 11.7. Only demonstrations tell where
the goal is.

Source of the geometry: the sparse point robot of PEARL, arXiv:1903.08254.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oda_policy.agent import Agent
from oda_policy.tasks import TaskData

HORIZON, STEP, RADIUS = 20, 0.1, 0.2
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Path:
    """A trajectory of the point robot; the time limit is no termination."""

    observations: Array
    actions: Array
    rewards: Array
    terminations: NDArray[np.bool_]


def goals(count: int, rng: np.random.Generator) -> Array:
    """Goals (count, 2) on the half circle."""
    angle = rng.uniform(0, np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def move(position: Array, action: Array) -> Array:
    """Next positions (..., 2) for actions in [-1, 1], clipped to the unit disc."""
    norm = np.maximum(np.linalg.norm(action, axis=-1, keepdims=True), 1.0)
    return (position + STEP * action / norm).astype(np.float32)


def reward(position: Array, goal: Array) -> Array:
    """1 - distance within the goal's radius, else 0; (...)."""
    distance = np.linalg.norm(position - goal, axis=-1)
    return np.where(distance <= RADIUS, 1 - distance, 0).astype(np.float32)


def head_for(waypoint: Array, goal: Array, noise: float, rng: np.random.Generator) -> Path:
    """One episode towards a waypoint with noisy actions."""
    observations, actions = [np.zeros(2, np.float32)], []
    for _ in range(HORIZON):
        action = (waypoint - observations[-1]) / STEP
        action = action / max(1.0, float(np.linalg.norm(action))) + noise * rng.normal(size=2)
        actions.append(np.clip(action, -1, 1).astype(np.float32))
        observations.append(move(observations[-1], actions[-1]))
    path = np.stack(observations)  # positions (T + 1, 2)
    ends = np.zeros(HORIZON, bool)
    return Path(path / RADIUS, np.stack(actions), reward(path[:-1], goal), ends)


def task(goal: Array, rng: np.random.Generator) -> TaskData:
    """20 demonstrations and 100 noisy episodes that head for wrong places half the time."""
    demos = [head_for(goal, goal, 0.1, rng) for _ in range(20)]
    wrong = goals(100, rng)
    offline = [head_for(w if i % 2 else goal, goal, 0.5, rng) for i, w in enumerate(wrong)]
    return TaskData(name=str(goal), demos=demos, offline=offline)


def evaluate(agent: Agent, tasks: list[TaskData], targets: Array) -> tuple[float, float]:
    """Mean return and success rate over the tasks, one episode each from the demonstrations."""
    rows = [[np.c_[d.observations[:-1], d.actions, d.rewards] for d in t.demos] for t in tasks]
    context = torch.from_numpy(np.stack([np.concatenate(r) for r in rows]).astype(np.float32))
    with torch.no_grad():
        z = agent.encode(context).mean
    position, total = np.zeros_like(targets), np.zeros(len(targets))
    for _ in range(HORIZON):
        total += reward(position, targets)
        observation = torch.from_numpy(position / RADIUS).float()
        position = move(position, agent.act(observation, z, None).numpy())
    return float(total.mean()), float((reward(position, targets) > 0).mean())
