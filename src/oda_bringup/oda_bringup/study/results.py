"""What the tables and plots read: finished units with their jobs, stage by stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oda_bringup.study.statistics import Time
from oda_bringup.study.store import Record, Store
from oda_bringup.study.unit import Unit
from oda_policy.evaluate import Rate, success_rate


class Row(NamedTuple):
    """A finished unit."""

    job: Any
    result: Mapping[str, Any]
    record: Record
    name: str


@dataclass(frozen=True, kw_only=True)
class Results:
    """Finished units by stage; a stage that was not run has none."""

    rows: Mapping[str, Sequence[Row]]
    missing: Mapping[str, Sequence[str]]  # units without a result that holds, by stage

    @classmethod
    def read(cls, units: Sequence[Unit], store: Store) -> "Results":
        """Read every record that holds; units in an order in which inputs come first."""
        holding = store.holding(units)
        rows: dict[str, list[Row]] = {unit.stage: [] for unit in units}
        missing: dict[str, list[str]] = {unit.stage: [] for unit in units}
        for unit in units:
            if record := holding.get(unit.id):
                rows[unit.stage].append(Row(unit.job, record.result, record, unit.name))
            else:
                missing[unit.stage].append(unit.name)
        return cls(rows=rows, missing=missing)

    def of(self, stage: str, method: str = "", connector: str = "") -> list[Row]:
        """The rows of a stage, a method and a connector; empty names take any."""
        return [
            row
            for row in self.rows.get(stage, ())
            if (not method or (getattr(row.job, "method", None) and row.job.method.name == method))
            and (not connector or row.job.connector.name == connector)
        ]

    def methods(self, stage: str) -> dict[str, str]:
        """Names and labels of the methods of a stage, in order."""
        return {r.job.method.name: r.job.method.label for r in self.of(stage) if _has(r, "method")}

    def connectors(self, stage: str) -> list[str]:
        """Names of the connectors of a stage, in order."""
        names = (r.job.connector.name for r in self.of(stage) if _has(r, "connector"))
        return list(dict.fromkeys(names))


def _has(row: Row, name: str) -> bool:
    return hasattr(row.job, name)


def outcomes(result: Mapping[str, Any], mode: str) -> list[bool]:
    """Whether each trial with sampled or deterministic actions inserted."""
    return [digit == "1" for digit in result[mode]["outcomes"]]


def pooled(rows: Sequence[Row], mode: str) -> Rate:
    """Successes of all trials of some rows with sampled or deterministic actions."""
    return success_rate([outcome for row in rows for outcome in outcomes(row.result, mode)])


def per_seed(rows: Sequence[Row], mode: str) -> list[float]:
    """Success rate of each row."""
    return [row.result[mode]["successes"] / row.result[mode]["trials"] for row in rows]


def time_of(row: Row) -> Time:
    """Robot time of a finetuning run."""
    return Time(row.result["finetune_s"], row.result["solved"])
