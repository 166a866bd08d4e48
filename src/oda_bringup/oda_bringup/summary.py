"""Reports for people: a summary of one, a comparison of several."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from oda_bringup.cli.console import OUT, table
from oda_core.errors import SessionError

FORMAT = 1
COLUMNS = (
    "session",
    "connector",
    "with demos",
    "final",
    "95 % interval",
    "trained",
    "robot",
    "wall",
)


def read_report(path: Path) -> dict[str, Any]:
    """A report.json.

    Raises:
        SessionError: it cannot be read or is of another format.
    """
    try:
        report = json.loads(path.read_text())
        found = report["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SessionError(f"{path}: is no report of an adaptation ({error})") from error
    if found != FORMAT:
        raise SessionError(f"{path}: found format {found}, expected {FORMAT}; adapt again")
    return report


def show_summary(path: Path) -> None:
    """Print what an adaptation reached, what it cost and where its report is.

    Raises:
        SessionError: the report cannot be read.
    """
    report = read_report(path)
    names = {"demonstrations_only": "demonstrations only", "final": "final"}
    rows = [(label, *_counts(report[name])) for name, label in names.items()]
    table(("evaluation", "inserted", "95 % interval"), rows)
    OUT.print(
        f"{report['training_episodes']} training episodes, {report['updates']} updates, robot "
        f"time {_minutes(report['robot_time_s']['total'])}, wall time "
        f"{_minutes(report['machine']['wall_time_s'])}"
    )
    OUT.print(f"report {path.with_suffix('.html')}", markup=False)
    OUT.print(f"       {path}", markup=False)
    OUT.print(report["verdict"], markup=False, style="green" if report["success"] else "red")


def show_comparison(reports: Iterable[Mapping[str, Any]]) -> None:
    """Print a line per report."""
    table(COLUMNS, [_line(report) for report in reports])


def _line(report: Mapping[str, Any]) -> tuple[str, ...]:
    final, interval = _counts(report["final"])
    return (
        report["session"],
        report["connector"],
        _counts(report["demonstrations_only"])[0],
        final,
        interval,
        str(report["training_episodes"]),
        _minutes(report["robot_time_s"]["total"]),
        _minutes(report["machine"]["wall_time_s"]),
    )


def _counts(rate: Mapping[str, Any]) -> tuple[str, str]:
    if not rate["trials"]:
        return "-", "-"
    low, high = rate["interval_95"]
    return f"{rate['successes']}/{rate['trials']}", f"{low:.1%} to {high:.1%}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
