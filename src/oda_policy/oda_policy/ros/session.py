"""An adaptation on disk: progress that a killed session continues from exactly. No ROS here.

Before the end event of an episode is published, its outcome is written to pending.json. The
trainer stores the episode and acknowledges it; then progress.json takes the outcome. When a
session continues, the trainer says what it has stored: a pending outcome whose episode is stored
counts; one whose episode is not is forgotten, and the episode is run again under the same id and
seed. So every episode is counted once, and none that was acknowledged is lost.
"""

import dataclasses
import json
import secrets
import time
from pathlib import Path

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError, SessionError
from oda_core.files import write_atomic
from oda_policy.adapt import AdaptMachine, Outcome
from oda_policy.config import AdaptConfig

PROGRESS_NAME = "progress.json"
PENDING_NAME = "pending.json"
TIMING_NAME = "timing.json"
TRAINER_FOLDER = "trainer"
DESCRIPTION = Path(TRAINER_FOLDER, "description.json")  # of the learner, by the trainer
BUDGETS = ("max_training_episodes", "max_robot_minutes")


class Session:
    """The directory of one adaptation.

    Attributes:
        machine: Algorithm 2.
        wall_time_s: spent in this session before it was opened this time [s].
    """

    def __init__(self, directory: Path, connector: str, config: AdaptConfig) -> None:
        """Begin in a directory, or continue what was begun there.

        Args:
            directory: of the session.
            connector: name of the connector.
            config: settings; a continued session may get other budgets.

        Raises:
            SessionError: the directory's session was begun differently, or is damaged.
        """
        self.directory = directory
        if (directory / PROGRESS_NAME).exists():
            self.machine = AdaptMachine.load(directory / PROGRESS_NAME)
            self._check(connector, config)
        else:
            name = f"{directory.name}-{secrets.token_hex(4)}"  # topics carry nobody else's
            self.machine = AdaptMachine.begin(name, connector, config)
            self._save()
        self.wall_time_s = self._read_wall_time()
        self._opened = time.monotonic()

    @property
    def name(self) -> str:
        """Name of the session."""
        return self.machine.progress.session

    def reconcile(self, stored: int, newest_id: int) -> None:
        """Agree with the trainer on what was done.

        Args:
            stored: episodes on the trainer's disk.
            newest_id: newest of them, -1 for none.

        Raises:
            SessionError: acknowledged episodes are missing, or unknown ones are there.
        """
        counted = len(self.machine.progress.outcomes)
        pending = self._read_pending()
        if pending is not None and pending.episode_id == counted == newest_id:
            self.machine.finish(pending)
            self._save()
            counted += 1
        if (stored, newest_id) != (counted, counted - 1):
            raise SessionError(
                f"{self.directory}: the trainer holds {stored} episodes up to {newest_id}, this "
                f"session counted {counted}; files of one of them were removed: begin a new session"
            )

    def announce(self, outcome: Outcome) -> None:
        """Write an outcome down before its end event is published."""
        write_atomic(self.directory / PENDING_NAME, json.dumps(to_mapping(outcome)))

    def commit(self, outcome: Outcome) -> None:
        """Count an episode that the trainer has acknowledged."""
        self.machine.finish(outcome)
        self._save()

    def _save(self) -> None:
        self.machine.save(self.directory / PROGRESS_NAME)

    def add_wall_time(self) -> float:
        """Write down the wall time spent until now, and return it [s]."""
        total = self.wall_time_s + time.monotonic() - self._opened
        write_atomic(self.directory / TIMING_NAME, json.dumps({"wall_time_s": total}))
        return total

    def _check(self, connector: str, config: AdaptConfig) -> None:
        progress = self.machine.progress
        budgets = {name: getattr(config, name) for name in BUDGETS}
        progress.config = dataclasses.replace(progress.config, **budgets)
        found = {"connector": progress.connector} | to_mapping(progress.config)
        wanted = {"connector": connector} | to_mapping(config)
        for name, value in wanted.items():
            if found[name] != value:
                raise SessionError(
                    f"{self.directory}: the session began with {name} {found[name]}, found "
                    f"{value}; continue with the same, or begin a new session in another output"
                )

    def _read_pending(self) -> Outcome | None:
        path = self.directory / PENDING_NAME
        try:
            return from_mapping(Outcome, json.loads(path.read_text()), str(path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ConfigError) as error:
            raise SessionError(f"{path}: cannot be read ({error})") from error

    def _read_wall_time(self) -> float:
        path = self.directory / TIMING_NAME
        return float(json.loads(path.read_text())["wall_time_s"]) if path.exists() else 0.0
