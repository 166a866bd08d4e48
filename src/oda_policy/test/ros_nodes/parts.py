"""Episodes for the tests of the nodes' parts."""

import dataclasses

import numpy as np
from harness import CONNECTOR

from oda_core.types import Episode, EpisodeEvent, Event, Purpose

START = EpisodeEvent(
    stamp_ns=1_000, session="s", episode_id=4, connector=CONNECTOR, purpose=Purpose.EVALUATION,
    event=Event.START, seed=9, max_steps=5,
)  # fmt: skip


def episode(episode_id, steps=7, purpose=Purpose.TRAINING, seed=0):
    rng = np.random.default_rng([seed, episode_id])
    last = np.arange(steps) == steps - 1
    end = dataclasses.replace(
        START, episode_id=episode_id, purpose=purpose, event=Event.SUCCESS, steps=steps
    )
    return Episode(
        end=end,
        observations=rng.normal(size=(steps + 1, 18)).astype(np.float32),
        actions=rng.uniform(-1, 1, (steps, 6)).astype(np.float32),
        rewards=last.astype(np.float32),
        terminations=last,
        truncations=np.zeros(steps, bool),
        sources=np.zeros(steps, np.uint8),
    )


# acting
