"""Episodes in process, with everything that a bag records of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oda_core.seeds import episode_seed
from oda_core.types import (
    Episode,
    EpisodeEvent,
    Event,
    Purpose,
    Source,
    TcpState,
    finished_episode,
)
from oda_sim.env import InsertionEnv

Act = Callable[[NDArray[np.float32], TcpState], NDArray[np.float32]]
"""Action (6,) of an observation (18,) and the state that it was made of."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A finished episode, its START event and its states at each step."""

    start: EpisodeEvent
    episode: Episode
    states: tuple[TcpState, ...]


def start_event(
    env: InsertionEnv, session: str, number: int, purpose: Purpose, seed: int
) -> EpisodeEvent:
    """START of an episode but for stamp and start pose; its seed follows from (seed, number)."""
    return EpisodeEvent(
        stamp_ns=0,
        session=session,
        episode_id=number,
        connector=env.connector.name,
        purpose=purpose,
        event=Event.START,
        seed=episode_seed(seed, number),
    )


def record(env: InsertionEnv, act: Act, start: EpisodeEvent, source: Source) -> Recording:
    """Run one episode.

    Args:
        env: environment of start.connector.
        act: who acts.
        start: its START event but for stamp and start pose, which the reset tells.
        source: who act stands for.
    """
    observation, _ = env.reset(seed=start.seed)
    states = [env.last_state]
    start = replace(
        start,
        stamp_ns=env.last_state.stamp_ns,
        start_pose=env.start_pose,
        max_steps=env.task.max_steps,
    )
    observations, actions, rewards = [observation], [], []
    terminated = truncated = False
    info = {"peak_force_n": 0.0}
    while not (terminated or truncated):
        action = act(observation, env.last_state)
        observation, reward, terminated, truncated, info = env.step(action)
        states.append(env.last_state)
        observations.append(observation)
        actions.append(action)
        rewards.append(reward)
    end = replace(
        start,
        stamp_ns=env.last_state.stamp_ns,
        event=Event.SUCCESS if terminated else Event.TIMEOUT,
        reason="" if terminated else "time limit",
        steps=len(actions),
        peak_force_n=float(info["peak_force_n"]),
    )
    episode = finished_episode(end, observations, actions, rewards, source)
    return Recording(start=start, episode=episode, states=tuple(states))
