"""Toy jobs of a study, which note when they are done."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oda_bringup.study.store import Record, Store
from oda_bringup.study.unit import Desk, Unit
from oda_core.config import to_mapping
from oda_core.errors import SessionError


@dataclass(frozen=True, kw_only=True)
class Add:
    """Its value and those of its inputs."""

    value: int
    log: str  # file that gets a line for each time it is done
    cost_s: float = 1.0

    def run(self, desk: Desk) -> dict[str, Any]:
        with Path(self.log).open("a") as file:
            file.write(f"{desk.directory.name}\n")
        total = self.value + sum(done.result["total"] for done in desk.inputs)
        (desk.directory / "total.txt").write_text(str(total))
        return {"total": total}


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Whether its only input is odd: different inputs may give the same."""

    cost_s: float = 1.0

    def run(self, desk: Desk) -> dict[str, Any]:
        return {"total": desk.inputs[0].result["total"] % 2}


@dataclass(frozen=True, kw_only=True)
class Hang:
    """Leaves half of its work on disk and waits for a file; then it goes on from there."""

    gate: str
    cost_s: float = 1.0

    def run(self, desk: Desk) -> dict[str, Any]:
        half = desk.directory / "half"
        resumed = half.exists()
        half.write_text("half")
        while not Path(self.gate).exists():
            time.sleep(0.01)
        return {"total": 0, "resumed": resumed}


@dataclass(frozen=True, kw_only=True)
class Fail:
    """Cannot be done."""

    cost_s: float = 1.0

    def run(self, desk: Desk) -> dict[str, Any]:
        raise SessionError("found nothing, expected something; give up")


def chain(log: Path, first: int = 1) -> list[Unit]:
    """a -> b -> c, and d apart."""
    a, b, c = (Add(value=v, log=str(log)) for v in (first, 10, 100))
    return [
        Unit(stage="one", name="a", job=a),
        Unit(stage="two", name="b", job=b, inputs=("one/a",)),
        Unit(stage="three", name="c", job=c, inputs=("two/b",)),
        Unit(stage="one", name="d", job=Add(value=5, log=str(log))),
    ]


def keep(store: Store, unit_id: str, result: dict[str, Any], key: str = "") -> None:
    """Write the record of a unit that was never done."""
    record = Record(
        id=unit_id, key=key, job={}, inputs={}, result=result, files={}, wall_s=60.0, finished=""
    )
    path = store.root / f"{unit_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_mapping(record)))


def ignore(unit: Unit, text: str) -> None:
    """A listener that does nothing."""
