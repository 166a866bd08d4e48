"""Results on disk: STAGE/NAME.json for each unit, and its files in STAGE/NAME/.

A result holds as long as its key does: a hash of the job's settings and of what its inputs came to.
"""

import json
import os
import platform
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import mujoco

from oda_bringup.study.unit import Desk, Done, Unit, digest, identity
from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError, SessionError
from oda_core.files import sha256_file, write_atomic
from oda_policy.checkpoint import library_versions

KEY_NAME = ".key"  # in a unit's directory: of the job that the files belong to


@cache
def this_machine() -> dict[str, Any]:
    """What computes."""
    lines = (
        Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    )
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "system": platform.system(),
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
    }


@cache
def these_versions() -> dict[str, str]:
    """Versions of what the results rest on."""
    return {**library_versions(), "mujoco": mujoco.__version__}


@dataclass(frozen=True, kw_only=True)
class Record:
    """The JSON of one unit."""

    id: str
    key: str  # hash of job and inputs
    job: Mapping[str, Any]
    inputs: Mapping[str, str]  # unit to its fingerprint
    result: Mapping[str, Any]
    files: Mapping[str, str]  # path below the unit's directory to SHA-256
    wall_s: float
    finished: str
    machine: Mapping[str, Any] = field(default_factory=this_machine)
    versions: Mapping[str, str] = field(default_factory=these_versions)

    @property
    def fingerprint(self) -> str:
        """Hash of what the unit came to, without when and where."""
        return digest([self.result, self.files])


class Store:
    """The results below one directory."""

    def __init__(self, root: Path) -> None:
        """Use a directory, which need not exist."""
        self.root = root

    def record(self, unit_id: str) -> Record | None:
        """What is there of a unit; None when nothing is.

        Raises:
            SessionError: the file is damaged.
        """
        path = self.root / f"{unit_id}.json"
        if not path.exists():
            return None
        try:
            return from_mapping(Record, json.loads(path.read_text()), str(path))
        except (ValueError, ConfigError) as error:
            raise SessionError(
                f"{path}: is no result of this version ({error}); delete it"
            ) from error

    def done(self, unit_id: str) -> Done:
        """The result of a finished unit.

        Raises:
            SessionError: it is not finished.
        """
        record = self.record(unit_id)
        if record is None:
            raise SessionError(f"{self.root / unit_id}.json: is missing; run its stage first")
        return Done(id=unit_id, directory=self.root / unit_id, result=record.result)

    def finished(self, stage: str, names: Sequence[str] = ()) -> list[Done]:
        """The results of finished units of a stage: the named ones, or all that are there.

        Raises:
            SessionError: there are none, or a named one is not finished.
        """
        found = names or sorted(path.stem for path in (self.root / stage).glob("*.json"))
        if not found:
            raise SessionError(
                f"{self.root / stage}: found no results; make them with "
                f"oda reproduce --only {stage} --output {self.root}"
            )
        return [self.done(f"{stage}/{name}") for name in found]

    def current(self, unit: Unit, fingerprints: Mapping[str, str]) -> Record | None:
        """The record of a unit if it still holds for these inputs."""
        record = self.record(unit.id)
        return record if record and record.key == key_of(unit, fingerprints) else None

    def holding(self, units: Iterable[Unit]) -> dict[str, Record]:
        """The records that hold, by unit; of units in an order in which inputs come first."""
        found: dict[str, Record] = {}
        for unit in units:
            prints = {i: found[i].fingerprint for i in unit.inputs if i in found}
            ready = len(prints) == len(unit.inputs)
            if ready and (record := self.current(unit, prints)):
                found[unit.id] = record
        return found

    def perform(self, unit: Unit, fingerprints: Mapping[str, str]) -> Record:
        """Do a unit and write its record; files of an interrupted run of the same job are kept."""
        directory, key = self.root / unit.id, key_of(unit, fingerprints)
        mark = directory / KEY_NAME
        if not mark.exists() or mark.read_text() != key:
            shutil.rmtree(directory, ignore_errors=True)
            write_atomic(mark, key)
        begin = time.monotonic()
        desk = Desk(directory=directory, inputs=tuple(self.done(i) for i in unit.inputs))
        result = unit.job.run(desk)
        record = Record(
            id=unit.id,
            key=key,
            job=identity(unit.job),
            inputs={i: fingerprints[i] for i in unit.inputs},
            result=json.loads(json.dumps(result)),
            files=hashes(directory),
            wall_s=round(time.monotonic() - begin, 2),
            finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )
        write_atomic(self.root / f"{unit.id}.json", json.dumps(to_mapping(record), indent=1) + "\n")
        if not record.files:
            shutil.rmtree(directory)
        return record

    def forget(self, units: Sequence[Unit]) -> None:
        """Remove results, so that they are made again."""
        for unit in units:
            (self.root / f"{unit.id}.json").unlink(missing_ok=True)
            shutil.rmtree(self.root / unit.id, ignore_errors=True)


def key_of(unit: Unit, fingerprints: Mapping[str, str]) -> str:
    """Hash of everything that a unit's result follows from."""
    return digest([identity(unit.job), {i: fingerprints[i] for i in unit.inputs}])


def hashes(directory: Path) -> dict[str, str]:
    """SHA-256 of every file below a directory but hidden ones, by relative path."""
    files = sorted(p for p in directory.rglob("*") if p.is_file())
    relative = {p.relative_to(directory): p for p in files}
    return {
        str(name): sha256_file(path)
        for name, path in relative.items()
        if not any(part.startswith(".") for part in name.parts)
    }
