"""Seeds that follow from a session's seed, the same on live nodes and in process."""

import zlib

import numpy as np


def episode_seed(seed: int, episode_id: int) -> int:
    """Seed of one episode of a session, from 0 to 2^31 - 1."""
    return int(np.random.SeedSequence([seed, episode_id]).generate_state(1)[0] >> 1)


def operator_generator(episode_seed: int) -> np.random.Generator:
    """Randomness of the scripted operator in an episode."""
    return np.random.default_rng([episode_seed, 0x0D])


def task_seed(seed: int, name: str) -> int:
    """Seed of one task, whatever else is collected with it; from 0 to 2^31 - 1."""
    return zlib.crc32(f"{seed} {name}".encode()) >> 1
