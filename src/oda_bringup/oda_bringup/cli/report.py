"""oda report: finished sessions, compared."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from oda_bringup.cli.console import say
from oda_bringup.cli.exits import Exit
from oda_core.errors import SessionError
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Compare finished adaptations and render their pages again.

    Inputs: session directories, or directories above some. Output: a table with a line per
    session, and report.html made anew from each report.json.

    Example: oda report runs
    """

    sessions: Annotated[tuple[str, ...], tyro.conf.Positional] = setting(
        ("runs",), "session directories or directories above them"
    )


def run(options: ReportOptions) -> int:
    """Read every report, render it and show the table."""
    from oda_bringup.summary import read_report, show_comparison
    from oda_policy.report import write_report

    paths = find_reports(map(Path, options.sessions))
    reports = [read_report(path) for path in paths]
    for path, report in zip(paths, reports, strict=True):
        write_report(report, path.parent)
    show_comparison(reports)
    say(f"{len(paths)} pages written: {', '.join(str(p.with_suffix('.html')) for p in paths)}")
    return Exit.OK


def find_reports(directories: Iterable[Path]) -> list[Path]:
    """Every report.json in or below directories, oldest first.

    Raises:
        SessionError: a directory holds none.
    """
    found: list[Path] = []
    for directory in directories:
        below = list(directory.rglob("report.json"))
        if not below:
            raise SessionError(
                f"{directory}: holds no report.json; only a finished adaptation has one"
            )
        found += below
    return sorted(set(found), key=lambda path: path.stat().st_mtime)
