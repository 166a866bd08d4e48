"""Trials of one policy on one connector, spread over processes; each depends on its number only."""

from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from oda_bringup.assets import shipped_checkpoint, shipped_demonstrations
from oda_bringup.inputs import check_checkpoint
from oda_bringup.parallel import workers
from oda_core.files import sha256_file
from oda_core.seeds import episode_seed
from oda_core.spec import TaskSpec
from oda_core.types import Purpose
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig
from oda_policy.evaluate import EpisodeRequest, run_episode
from oda_policy.finetune import Finetuner
from oda_policy.policy import PolicySnapshot
from oda_policy.ros.demonstrations import load_demonstrations
from oda_sim.connector import Connector, load_connector
from oda_sim.env import InsertionEnv


class Wanted(Protocol):
    """What is to be evaluated."""

    connector: str
    demos: str
    checkpoint: str
    seed: int
    deterministic: bool


class Trial(NamedTuple):
    """Outcome of one episode."""

    number: int
    success: bool
    steps: int
    peak_force_n: float


@dataclass(frozen=True, kw_only=True)
class Job:
    """A policy with its task code, and where it acts."""

    connector: Connector
    policy: bytes  # of a PolicySnapshot
    seed: int
    deterministic: bool
    checkpoint: Path
    demonstrations: int

    def record(self) -> dict[str, Any]:
        """What a result must say to be made again."""
        return {
            "checkpoint": self.checkpoint.name,
            "checkpoint_sha256": sha256_file(self.checkpoint),
            "demonstrations": self.demonstrations,
            "seed": self.seed,
            "deterministic": self.deterministic,
        }


def prepare(wanted: Wanted) -> Job:
    """Check the inputs and encode the demonstrations.

    Raises:
        OdaError: what is wrong and what to do.
    """
    connector = load_connector(wanted.connector)
    path = Path(wanted.checkpoint) if wanted.checkpoint else shipped_checkpoint()
    check_checkpoint(path)
    checkpoint = Checkpoint.load(path)
    shown = Path(wanted.demos) if wanted.demos else shipped_demonstrations(connector.name)
    demos = load_demonstrations(shown, connector.name)
    settings = FinetuneConfig(sample_z=False, device="cpu")
    learner = Finetuner(checkpoint, demos, settings, wanted.seed)
    return Job(
        connector=connector,
        policy=learner.snapshot(0).to_bytes(),
        seed=wanted.seed,
        deterministic=wanted.deterministic,
        checkpoint=path,
        demonstrations=len(demos),
    )


def run_trials(job: Job, numbers: Sequence[int], jobs: int) -> Iterator[Trial]:
    """Run trials in any order, jobs at once."""
    if jobs == 1:
        _begin(job)
        yield from map(_trial, numbers)
        return
    with workers(jobs, _begin, job) as pool:
        for future in as_completed([pool.submit(_trial, number) for number in numbers]):
            yield future.result()


class _Worker(NamedTuple):
    job: Job
    env: InsertionEnv
    policy: PolicySnapshot


_workers: list[_Worker] = []  # one per process


def _begin(job: Job) -> None:
    env = InsertionEnv(job.connector, simulate_reset=False)
    _workers[:] = [_Worker(job, env, PolicySnapshot.from_bytes(job.policy, TaskSpec()))]


def _trial(number: int) -> Trial:
    job, env, policy = _workers[0]
    request = EpisodeRequest(
        session=f"evaluate-{job.seed}",
        connector=job.connector.name,
        episode_id=number,
        purpose=Purpose.EVALUATION,
        seed=episode_seed(job.seed, number),
        policy_version=0,
        deterministic=job.deterministic,
    )
    episode = run_episode(env, policy, request).episode
    return Trial(number, episode.success, len(episode), episode.end.peak_force_n)
