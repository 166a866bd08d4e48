"""Units of work: what is to be done, as data, and the desk it is done at.

A job is a frozen dataclass: its type and its fields, with what its inputs came to, decide its
result. So they also decide whether a result that is there still holds.
"""

import dataclasses
import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from oda_core.errors import SessionError
from oda_core.types import Episode
from oda_policy.buffer import DEMONSTRATIONS, read_buffer


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a finished unit left."""

    id: str
    directory: Path  # its files
    result: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name within its stage."""
        return self.id.split("/", 1)[1]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where a unit works."""

    directory: Path  # for its own files; what an interrupted run of the same job left is there
    inputs: tuple[Done, ...]

    def all(self, stage: str) -> list[Done]:
        """The inputs that come from a stage, in order."""
        return [done for done in self.inputs if done.id.startswith(f"{stage}/")]

    def one(self, *stages: str) -> Done:
        """The only input that comes from one of the stages.

        Raises:
            SessionError: there is none, or there are several.
        """
        found = [done for stage in stages for done in self.all(stage)]
        if len(found) != 1:
            names = ", ".join(done.id for done in found) or "none"
            raise SessionError(f"input from {' or '.join(stages)}: found {names}, expected one")
        return found[0]

    def demonstrations(self, connector: str) -> list[Episode]:
        """The demonstrations of a connector among the inputs."""
        done = next(d for d in self.inputs if (d.directory / connector / DEMONSTRATIONS).exists())
        return read_buffer(done.directory / connector / DEMONSTRATIONS)


class Job(Protocol):
    """A pure function of its fields and inputs; a frozen dataclass that can be pickled."""

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        ...

    def run(self, desk: Desk) -> dict[str, Any]:
        """Do it; plain values for the record."""
        ...


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A job with a name and the units whose results it reads."""

    stage: str
    name: str
    job: Job
    inputs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Name within the study."""
        return f"{self.stage}/{self.name}"


def identity(value: Any) -> Any:
    """Plain nested values of settings, with the type names of dataclasses."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: identity(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [identity(item) for item in value]
    return value


def digest(value: Any) -> str:
    """SHA-256 of plain nested values, hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
