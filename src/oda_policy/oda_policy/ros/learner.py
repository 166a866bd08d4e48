"""The trainer of one session: a durable store, a learner and its versions. No ROS here.

An episode is on disk before it is learned from. The same episodes in the order of their ids give
the same weights, so a session continues exactly: the newest training state is loaded, and every
stored episode that it does not hold is learned from, in order.
"""

import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from oda_core.errors import SessionError
from oda_core.files import write_atomic
from oda_core.types import Episode, Purpose
from oda_policy.finetune import Finetuner
from oda_policy.ros.session import TRAINER_FOLDER
from oda_policy.ros.store import EpisodeStore
from oda_policy.ros.weights import KEPT

IDENTITY_NAME = "identity.json"
NICE = 10  # of the learning thread, above that of its process
CHUNK = 16  # updates between looks at the stop flag


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a session must agree on when it continues."""

    session: str
    connector: str
    seed: int
    demonstrations_sha256: str
    checkpoint_sha256: str


class Version(NamedTuple):
    """One version of the policy as it is published."""

    number: int
    sha256: str
    data: bytes  # safetensors of a PolicySnapshot


class Learner:
    """Stores episodes at once and learns from them in a thread of its own.

    Attributes:
        store: episodes on disk.
        version: newest version made, -1 before the first.
        made: versions that are not published yet.
        metrics: scalars of the newest update.
    """

    def __init__(
        self,
        directory: Path,
        identity: Identity,
        finetuner: Finetuner,
        save_every: int,
        notify: Callable[[], None],
    ) -> None:
        """Open, or open again, the trainer's folder of a session.

        Args:
            directory: of the session.
            identity: of the session.
            finetuner: fresh learner; its saved state is loaded.
            save_every: training episodes between saved states.
            notify: called from the learning thread after each piece of work.

        Raises:
            SessionError: the directory belongs to another session, or an episode is damaged.
            CheckpointError: the saved state is damaged.
        """
        self.identity, self.finetuner = identity, finetuner
        self.version, self.metrics = -1, dict[str, float]()
        self.made: deque[Version] = deque()
        self._directory = directory / TRAINER_FOLDER
        self._save_every, self._notify = save_every, notify
        _claim(self._directory / IDENTITY_NAME, identity)
        self.store = EpisodeStore(self._directory / "episodes")
        self._pool = ThreadPoolExecutor(1, "learner", _yield_to_others)
        self._work: deque[Future[None]] = deque()
        self._stop = threading.Event()
        self._saved = finetuner.load(self._directory)
        self._submit(self._catch_up, self.store.episodes())

    @property
    def busy(self) -> bool:
        """Something is being learned."""
        return bool(self._work)

    def put(self, episode: Episode) -> bool:
        """Store an episode durably, then hand it to the learner; False when it is known."""
        if not self.store.put(episode):
            return False
        self._submit(self._learn, episode)
        return True

    def check(self) -> None:
        """Raise what went wrong in the learning thread.

        Raises:
            SessionError: the directory cannot be written.
        """
        while self._work and self._work[0].done():
            try:
                self._work.popleft().result()
            except OSError as error:
                raise SessionError(
                    f"{self._directory}: cannot be written ({error}); every stored episode is "
                    "safe: free disk space, then resume the session"
                ) from error

    def leave(self) -> None:
        """Ask the learning thread to stop, and do not wait: files are whole at any moment.

        What is not saved is learned again on resume.
        """
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Stop within a few updates; as leave(), but another learner may follow."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, work: Callable[..., None], *args: Any) -> None:
        future = self._pool.submit(work, *args)
        self._work.append(future)
        future.add_done_callback(lambda _: self._tell())

    def _catch_up(self, episodes: list[Episode]) -> None:
        """Make or read the newest versions, then learn what the saved state does not hold."""
        known = set(self.finetuner.stored)
        fresh = [e for e in episodes if f"{e.end.session}/{e.end.episode_id}" not in known]
        if self._saved:
            ids = {e.end.episode_id for e in fresh}
            trained = [e for e in episodes if _trains(e) and e.end.episode_id not in ids]
            self._read_versions(len(trained))
        else:
            self._warm_up()
        for episode in fresh:
            self._learn(episode)

    def _read_versions(self, newest: int) -> None:
        self.version = newest
        for number in range(max(0, newest + 1 - KEPT), newest + 1):
            path = self._weights_path(number)
            if not path.exists():
                raise SessionError(f"{path}: is missing; its session cannot be continued")
            self._publish(number, path.read_bytes())

    def _warm_up(self) -> None:
        wanted = self.finetuner.config.warmup_updates
        while (left := wanted - self.finetuner.updates) > 0 and not self._stop.is_set():
            self.metrics = self.finetuner.train(min(CHUNK, left))
        self._make_version(0)

    def _learn(self, episode: Episode) -> None:
        self.finetuner.add_episode(episode)
        if not _trains(episode):
            return
        while (due := self.finetuner.updates_due) > 0 and not self._stop.is_set():
            self.metrics = self.finetuner.train(min(CHUNK, due))
        self._make_version(self.version + 1)

    def _make_version(self, number: int) -> None:
        if self._stop.is_set():
            return  # in the middle of an episode's updates
        data = self.finetuner.snapshot(number).to_bytes()
        write_atomic(self._weights_path(number), data)
        self.version = number
        self._publish(number, data)
        if number % self._save_every == 0:
            self.finetuner.save(self._directory)
            self._forget(number - KEPT)

    def _publish(self, number: int, data: bytes) -> None:
        self.made.append(Version(number, hashlib.sha256(data).hexdigest(), data))
        self._tell()

    def _tell(self) -> None:
        """Notify, unless nobody listens any more."""
        if not self._stop.is_set():
            self._notify()

    def _forget(self, newest: int) -> None:
        """Remove the weights that no continued session publishes again."""
        for path in self._weights_path(0).parent.glob("[0-9]*.safetensors"):
            if int(path.stem) <= newest:
                path.unlink()

    def _weights_path(self, number: int) -> Path:
        return self._directory / "weights" / f"{number:06d}.safetensors"


def _yield_to_others() -> None:
    """Learning waits for the nodes that act, not they for it: a lower priority of its thread."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICE)


def _trains(episode: Episode) -> bool:
    return episode.end.purpose is Purpose.TRAINING


def _claim(path: Path, identity: Identity) -> None:
    """Write who a directory belongs to, or check it."""
    wanted = asdict(identity)
    if not path.exists():
        write_atomic(path, json.dumps(wanted, indent=1))
        return
    found = json.loads(path.read_text())
    for name, value in wanted.items():
        if found.get(name) != value:
            raise SessionError(
                f"{path}: the session began with {name} {found.get(name)}, found {value}; "
                "continue with the same inputs, or begin a new session"
            )
