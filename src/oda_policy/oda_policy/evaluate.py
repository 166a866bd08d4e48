"""Run episodes of a policy in an environment and count successes with an interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from oda_core.se3 import Pose
from oda_core.seeds import episode_seed
from oda_core.types import Episode, EpisodeEvent, Event, Purpose, Source, finished_episode
from oda_policy.policy import PolicySnapshot, episode_generator

Array = NDArray[np.float32]


class Env(Protocol):
    """What an episode needs of a gymnasium environment of insertion."""

    @property
    def start_pose(self) -> Pose:
        """TCP in the base frame at the start of the episode."""
        ...

    def reset(self, *, seed: int | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin an episode: observation (18,) and info."""
        ...

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Observation, reward, terminated, truncated and info.

        Info of reset and step may tell ``robot_time_s`` that the call took and the episode's
        ``peak_force_n`` so far.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class EpisodeRequest:
    """One episode to run."""

    session: str
    connector: str
    episode_id: int
    purpose: Purpose
    seed: int  # of the hidden start noise and of the sampled actions
    policy_version: int
    deterministic: bool = False


class Rollout(NamedTuple):
    """An episode and what it cost."""

    episode: Episode
    robot_time_s: float  # with the reset motion


def run_episode(env: Env, policy: PolicySnapshot, request: EpisodeRequest) -> Rollout:
    """Run one episode to its end; the same request and policy give the same actions."""
    generator = episode_generator(request.seed, request.episode_id)
    choose = policy.chooser(generator, request.purpose, request.deterministic)
    obs, info = env.reset(seed=request.seed)
    start_pose, robot_time_s = env.start_pose, float(info.get("robot_time_s", 0.0))
    observations, actions, rewards = [obs], list[Array](), list[float]()
    terminated = truncated = False
    while not (terminated or truncated):
        action = choose(obs)
        obs, reward, terminated, truncated, info = env.step(action)
        robot_time_s += float(info.get("robot_time_s", 0.0))
        actions.append(action)
        observations.append(obs)
        rewards.append(reward)
    end = EpisodeEvent(
        stamp_ns=0,
        **vars(request),
        event=Event.SUCCESS if terminated else Event.TIMEOUT,
        reason="" if terminated else "time limit",
        start_pose=start_pose,
        max_steps=policy.info.spec.max_steps,
        steps=len(rewards),
        peak_force_n=float(info.get("peak_force_n", 0.0)),
    )
    episode = finished_episode(end, observations, actions, rewards, Source.POLICY)
    return Rollout(episode, robot_time_s)


def evaluate(
    env: Env,
    policy: PolicySnapshot,
    trials: int,
    seed: int,
    *,
    connector: str = "",
    deterministic: bool = False,
) -> list[Episode]:
    """Run trials whose start noise and actions come from (seed, episode id)."""
    return [
        run_episode(
            env,
            policy,
            EpisodeRequest(
                session=f"evaluate-{seed}",
                connector=connector,
                episode_id=i,
                purpose=Purpose.EVALUATION,
                seed=episode_seed(seed, i),
                policy_version=policy.version,
                deterministic=deterministic,
            ),
        ).episode
        for i in range(trials)
    ]


class Rate(NamedTuple):
    """Successes of trials with a 95 % interval."""

    successes: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """Share of successes; 0 without trials."""
        return self.successes / self.trials if self.trials else 0.0


def success_rate(outcomes: Sequence[bool]) -> Rate:
    """Count successes with their Clopper–Pearson interval."""
    successes = sum(outcomes)
    return Rate(successes, len(outcomes), *clopper_pearson(successes, len(outcomes)))


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a binomial rate; (0, 1) without trials.

    Source: Clopper and Pearson, Biometrika 26 (1934); the tails are inverted by bisection.
    """
    tail = (1 - level) / 2
    low, high = 0.0, 1.0
    if successes > 0:  # smallest rate whose P(X >= successes) reaches the tail
        low = _bisect(lambda p: 1 - _binomial_cdf(successes - 1, trials, p) < tail)
    if successes < trials:  # largest rate whose P(X <= successes) reaches the tail
        high = _bisect(lambda p: _binomial_cdf(successes, trials, p) > tail)
    return low, high


def _bisect(below: Any) -> float:
    """The rate at which a predicate that holds for small rates stops to hold."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _binomial_cdf(k: int, n: int, p: float) -> float:
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 or k >= n else 0.0
    choose = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(k + 1)
    ]
    terms = (c + i * math.log(p) + (n - i) * math.log1p(-p) for i, c in enumerate(choose))
    return min(1.0, math.fsum(math.exp(t) for t in terms))
