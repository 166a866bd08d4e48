"""Offline episodes of one training task: what an operator does well, badly, and what policies do.

A policy that is to recover from mistakes must have seen mistakes. The offline episodes are those of
an operator whose hand, push and search vary from episode to episode, up to useless, and, where a
checkpoint is given, reruns of its policy on the demonstrations of this task.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oda_bringup.convert import DEMONSTRATIONS, OFFLINE
from oda_bringup.rollout import Act, Recording, record
from oda_bringup.session import CONNECTOR_FILE
from oda_core.bag import BagWriter, read_episodes
from oda_core.errors import SimulationError
from oda_core.files import sha256_file, sync_directory, write_atomic
from oda_core.seeds import episode_seed, operator_generator
from oda_core.spec import TaskSpec
from oda_core.types import EpisodeEvent, Event, Purpose, Source, TcpState
from oda_policy.policy import PolicySnapshot
from oda_sim.connector import Connector, dump_connector
from oda_sim.env import InsertionEnv
from oda_sim.operator import Operator, Technique

TRIES = 5  # recorded episodes per wanted demonstration before giving up


@dataclass(frozen=True, kw_only=True)
class Work:
    """One task to collect."""

    connector: Connector
    directory: Path  # of the task's bags
    demos: int
    episodes: int
    seed: int
    checkpoint: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Habit:
    """How an operator does one offline episode."""

    technique: Technique
    drift: float  # standard deviation of slow unwanted motion, in parts of a full action
    error_m: float  # how far the operator misjudges where the socket is


def collect_task(work: Work) -> str:
    """Write the bags of one task that are not there yet; one line about what was done."""
    work.directory.mkdir(parents=True, exist_ok=True)
    write_atomic(work.directory / CONNECTOR_FILE, dump_connector(work.connector))
    env = InsertionEnv(work.connector, simulate_reset=False)
    done = []
    for name, recordings in _parts(work, env).items():
        path = work.directory / name
        if path.exists():
            done.append(f"{name} there already")
        else:
            wins, total = write_bag(path, recordings())
            done.append(f"{name} {wins}/{total} inserted")
    return f"{work.connector.name}: {', '.join(done)}"


def demonstrations(env: InsertionEnv, count: int, seed: int, session: str) -> Iterator[Recording]:
    """Successful episodes of the scripted operator; the failed ones are left out.

    Raises:
        SimulationError: it fails too often.
    """
    kept = 0
    for recording in attempts(env, TRIES * count, seed, session):
        if recording.episode.success:
            kept += 1
            yield recording
        if kept == count:
            return
    raise SimulationError(
        f"{env.connector.name}: the scripted operator inserted {kept} of {TRIES * count}, expected "
        f"{count}; check the connector with oda connectors check"
    )


def attempts(
    env: InsertionEnv, count: int, seed: int, session: str, technique: Technique | None = None
) -> Iterator[Recording]:
    """Episodes of the scripted operator, successful or not."""
    for number in range(count):
        start = _start(env, session, number, Purpose.DEMONSTRATION, seed)
        operator = Operator(env.connector, operator_generator(start.seed), technique=technique)
        yield record(env, _operate(operator, env), start, Source.HUMAN)


def offline_episodes(env: InsertionEnv, count: int, seed: int, session: str) -> Iterator[Recording]:
    """Episodes of an operator whose habits vary from good to useless."""
    for i in range(count):
        start = _start(env, session, i, Purpose.TRAINING, seed)
        rng = operator_generator(start.seed)
        habit = draw_habit(rng)
        believed = _misjudged(env.connector, habit.error_m, rng)
        operator = Operator(believed, rng, technique=habit.technique)
        act = _drifting(_operate(operator, env), habit.drift, rng)
        yield record(env, act, start, Source.HUMAN)


def draw_habit(rng: np.random.Generator) -> Habit:
    """A habit; half of them are close to a good operator's."""
    if rng.random() < 0.5:
        return Habit(technique=Technique(), drift=rng.uniform(0.0, 0.3), error_m=0.0)
    technique = Technique(
        push_n=rng.uniform(2.0, 14.0),
        turn_rad_s=rng.uniform(1.0, 8.0),
        pitch_m=rng.uniform(0.2e-3, 1.0e-3),
        torque_gain_1_s=rng.uniform(0.0, 2.0),
        noise=rng.uniform(0.02, 0.4),
        pause=rng.uniform(0.0, 0.1),
    )
    return Habit(
        technique=technique, drift=rng.uniform(0.0, 0.6), error_m=rng.choice([0.0, 1.5e-3, 4e-3])
    )


def reruns(
    env: InsertionEnv, snapshot: PolicySnapshot, count: int, seed: int, session: str
) -> Iterator[Recording]:
    """Episodes of a policy with exploration noise of varying size."""
    for i in range(count):
        start = _start(env, session, i, Purpose.TRAINING, seed)
        rng = operator_generator(start.seed)
        act = _drifting(_follow(snapshot, rng), rng.uniform(0.0, 0.3), rng)
        yield record(env, act, start, Source.POLICY)


def write_bag(path: Path, recordings: Iterable[Recording]) -> tuple[int, int]:
    """Write episodes into a bag that appears whole or not at all; successes and episodes."""
    unfinished = path.parent / ".unfinished" / path.name  # the file inside is named as the bag
    shutil.rmtree(unfinished.parent, ignore_errors=True)
    unfinished.parent.mkdir(parents=True)
    wins = total = 0
    with BagWriter(unfinished) as bag:
        for r in recordings:
            bag.write_episode(r.episode, r.start, r.states, TaskSpec())
            wins, total = wins + r.episode.success, total + 1
    os.replace(unfinished, path)
    unfinished.parent.rmdir()
    sync_directory(path.parent)
    return wins, total


def _parts(work: Work, env: InsertionEnv) -> dict[str, Callable[[], Iterable[Recording]]]:
    name = work.connector.name
    demos = f"{name}-{DEMONSTRATIONS}-{work.seed}"
    offline = f"{name}-{OFFLINE}-{work.seed}"
    parts: dict[str, Callable[[], Iterable[Recording]]] = {
        DEMONSTRATIONS: lambda: demonstrations(env, work.demos, work.seed, demos),
        OFFLINE: lambda: offline_episodes(env, work.episodes, work.seed + 1, offline),
    }
    if work.checkpoint is not None:
        label = f"reruns-{sha256_file(work.checkpoint)[:8]}"
        parts[label] = lambda: _reruns_of(work, env, f"{name}-{label}-{work.seed}")
    return parts


def _reruns_of(work: Work, env: InsertionEnv, session: str) -> Iterator[Recording]:
    from oda_policy.checkpoint import Checkpoint  # loads torch
    from oda_policy.config import FinetuneConfig
    from oda_policy.finetune import Finetuner

    demos = list(read_episodes(work.directory / DEMONSTRATIONS))
    checkpoint = Checkpoint.load(str(work.checkpoint), spec=TaskSpec())
    learner = Finetuner(checkpoint, demos, FinetuneConfig(sample_z=False), work.seed)
    return reruns(env, learner.snapshot(0), work.episodes, work.seed + 2, session)


def _start(
    env: InsertionEnv, session: str, number: int, purpose: Purpose, seed: int
) -> EpisodeEvent:
    return EpisodeEvent(
        stamp_ns=0,
        session=session,
        episode_id=number,
        connector=env.connector.name,
        purpose=purpose,
        event=Event.START,
        seed=episode_seed(seed, number),
    )


def _operate(operator: Operator, env: InsertionEnv) -> Act:
    return lambda _, state: operator.act(state, env.start_pose)


def _follow(snapshot: PolicySnapshot, rng: np.random.Generator) -> Act:
    return lambda observation, _: snapshot.act(observation, rng)


def _drifting(act: Act, size: float, rng: np.random.Generator) -> Act:
    """Add an Ornstein-Uhlenbeck process with a memory of half a second."""
    drift = np.zeros(6)
    keep = float(np.exp(-0.1 / 0.5))

    def drifting(observation: NDArray[np.float32], state: TcpState) -> NDArray[np.float32]:
        drift[:] = keep * drift + np.sqrt(1 - keep**2) * size * rng.standard_normal(6)
        return np.clip(act(observation, state) + drift, -1.0, 1.0).astype(np.float32)

    return drifting


def _misjudged(connector: Connector, error_m: float, rng: np.random.Generator) -> Connector:
    """The connector as an operator sees it who is wrong about where the socket is."""
    aside = np.array(connector.start.lateral_mm) + rng.standard_normal(2) * error_m * 1e3
    start = replace(connector.start, lateral_mm=(float(aside[0]), float(aside[1])))
    return replace(connector, start=start)
