"""Demonstrations and offline episodes of one training task.

A policy that is to recover from mistakes must have seen mistakes. The offline episodes are the
whole replay of a DDPGfD run with noisy reruns of its final policy, as in the paper; or those of an
operator whose hand, push and search vary from episode to episode, up to useless; and, where a
checkpoint is given, reruns of its policy on the demonstrations of this task.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from oda_bringup.habits import drifting, offline_episodes, operate
from oda_bringup.quality import Quality, hashes, outcomes
from oda_bringup.replay_run import Run, final_policy, run_ddpgfd
from oda_bringup.rollout import Act, Recording, record, start_event
from oda_bringup.session import CONNECTOR_FILE
from oda_core.bag import BagWriter, read_episodes
from oda_core.errors import SimulationError
from oda_core.files import sha256_file, sync_directory, write_atomic
from oda_core.seeds import operator_generator
from oda_core.spec import TaskSpec
from oda_core.types import Episode, Purpose, Source
from oda_policy.baselines.ddpgfd import DdpgfdConfig
from oda_policy.baselines.files import load_ddpg
from oda_policy.buffer import DEMONSTRATIONS, OFFLINE
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig
from oda_policy.evaluate import evaluate
from oda_policy.finetune import Finetuner
from oda_policy.policy import PolicySnapshot
from oda_sim.connector import Connector, dump_connector
from oda_sim.env import InsertionEnv
from oda_sim.operator import Operator, Technique

DDPGFD = "ddpgfd"  # whole replay of a DDPGfD run
RERUNS = "reruns"
AGENT_FILE = "ddpgfd.safetensors"  # what the run learned
QUALITY = ".json"
Origin = Literal["ddpgfd", "operator"]
TRIES = 5  # recorded episodes per wanted demonstration before giving up


@dataclass(frozen=True, kw_only=True)
class Work:
    """One task to collect."""

    connector: Connector
    directory: Path  # of the task's bags
    demos: int
    episodes: int
    seed: int
    source: Origin = "ddpgfd"  # who makes the offline episodes
    learning: DdpgfdConfig = field(default_factory=DdpgfdConfig)
    reruns: int = 100  # noisy episodes of the final policy of DDPGfD
    trials: int = 100  # of the operator and of DDPGfD's final policy, for the gates
    checkpoint: Path | None = None

    def session(self, part: str) -> str:
        """Name of the session that a part's episodes are of."""
        return f"{self.connector.name}-{part}-{self.seed}"


class Part(NamedTuple):
    """A bag of a task: its name, about how many episodes it takes, and who makes them."""

    name: str
    episodes: int
    make: Callable[[Work, InsertionEnv, str], Iterable[Recording]]


def collect_task(work: Work, tell: Callable[[], None] = lambda: None) -> str:
    """Write the parts of one task that are not there yet; one line about what was done.

    Args:
        work: what to collect.
        tell: called after each episode that is written.
    """
    work.directory.mkdir(parents=True, exist_ok=True)
    write_atomic(work.directory / CONNECTOR_FILE, dump_connector(work.connector))
    done = []
    for part in parts_of(work):
        env = new_env(work)  # its clock begins at 0: the bytes do not tell what was done before
        recordings = _told(part.make(work, env, part.name), tell)
        wins, total = write_bag(work.directory / part.name, recordings)
        done.append(f"{part.name} {wins}/{total} inserted")
    for name, measure in _qualities(work).items():
        path = work.directory / f"{name}{QUALITY}"
        if not path.exists():
            found = measure(work, new_env(work))
            found.save(path)
            done.append(f"{found.successes} of {found.trials} {name} trials")
    return f"{work.connector.name}: {', '.join(done) or 'there already'}"


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
        start = start_event(env, session, number, Purpose.DEMONSTRATION, seed)
        operator = Operator(env.connector, operator_generator(start.seed), technique=technique)
        yield record(env, operate(operator, env), start, Source.HUMAN)


def reruns(
    env: InsertionEnv, snapshot: PolicySnapshot, count: int, seed: int, session: str
) -> Iterator[Recording]:
    """Episodes of a policy with exploration noise of varying size."""
    for i in range(count):
        start = start_event(env, session, i, Purpose.TRAINING, seed)
        rng = operator_generator(start.seed)
        act = drifting(_follow(snapshot, rng), rng.uniform(0.0, 0.3), rng)
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


def new_env(work: Work) -> InsertionEnv:
    """The simulated task, without reset motions."""
    return InsertionEnv(work.connector, simulate_reset=False)


def _told(recordings: Iterable[Recording], tell: Callable[[], None]) -> Iterator[Recording]:
    for recording in recordings:
        yield recording
        tell()


def parts_of(work: Work) -> list[Part]:
    """The bags of a task, in the order in which each needs those before it."""
    parts = [Part(DEMONSTRATIONS, work.demos, _shown)]
    if work.source == "operator":
        parts.append(Part(OFFLINE, work.episodes, _habits))
    else:
        parts += [Part(DDPGFD, work.episodes, _ddpgfd), Part(RERUNS, work.reruns, _final_reruns)]
    if work.checkpoint is not None:
        label = f"{RERUNS}-{sha256_file(work.checkpoint)[:8]}"
        parts.append(Part(label, work.episodes, _reruns_of))
    return [part for part in parts if not (work.directory / part.name).exists()]


def _shown(work: Work, env: InsertionEnv, name: str) -> Iterator[Recording]:
    return demonstrations(env, work.demos, work.seed, work.session(name))


def _habits(work: Work, env: InsertionEnv, name: str) -> Iterator[Recording]:
    return offline_episodes(env, work.episodes, work.seed + 1, work.session(name))


def _ddpgfd(work: Work, env: InsertionEnv, name: str) -> Iterator[Recording]:
    demos = list(read_episodes(work.directory / DEMONSTRATIONS))
    run = Run(work.episodes, work.seed + 3, work.session(name))
    return run_ddpgfd(env, demos, run, work.directory / AGENT_FILE, work.learning)


def _final_reruns(work: Work, env: InsertionEnv, name: str) -> Iterator[Recording]:
    policy = final_policy(work.directory / AGENT_FILE)
    return reruns(env, policy, work.reruns, work.seed + 4, work.session(name))


def _qualities(work: Work) -> dict[str, Callable[[Work, InsertionEnv], Quality]]:
    if not work.trials:
        return {}
    learned = {DDPGFD: ddpgfd_quality} if work.source == "ddpgfd" else {}
    return {DEMONSTRATIONS: operator_quality, **learned}


def operator_quality(work: Work, env: InsertionEnv) -> Quality:
    """Trials of the operator whose successes are the demonstrations."""
    seed = work.seed + 5
    episodes = [r.episode for r in attempts(env, work.trials, seed, "quality")]
    return _quality(work, seed, episodes, [DEMONSTRATIONS])


def ddpgfd_quality(work: Work, env: InsertionEnv) -> Quality:
    """Greedy trials of the policy that the DDPGfD run ended with, and the run's own outcomes."""
    agent_file, seed = work.directory / AGENT_FILE, work.seed + 6
    episodes = evaluate(env, final_policy(agent_file), work.trials, seed, deterministic=True)
    found = _quality(work, seed, episodes, [DDPGFD, RERUNS])
    return replace(
        found,
        updates=load_ddpg(agent_file)[0].updates,
        curve=outcomes(work.directory / DDPGFD),
    )


def _quality(work: Work, seed: int, episodes: Sequence[Episode], bags: Iterable[str]) -> Quality:
    return Quality(
        connector=work.connector.name,
        seed=seed,
        successes=sum(episode.success for episode in episodes),
        trials=len(episodes),
        mean_steps=float(np.mean([len(episode) for episode in episodes])),
        bags=hashes(work.directory / bag for bag in bags),
    )


def _reruns_of(work: Work, env: InsertionEnv, name: str) -> Iterator[Recording]:
    demos = list(read_episodes(work.directory / DEMONSTRATIONS))
    checkpoint = Checkpoint.load(str(work.checkpoint), spec=TaskSpec())
    learner = Finetuner(checkpoint, demos, FinetuneConfig(sample_z=False), work.seed)
    return reruns(env, learner.snapshot(0), work.episodes, work.seed + 2, work.session(name))


def _follow(snapshot: PolicySnapshot, rng: np.random.Generator) -> Act:
    return lambda observation, _: snapshot.act(observation, rng)
