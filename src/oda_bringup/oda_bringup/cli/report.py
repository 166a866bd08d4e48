"""oda report: finished sessions, compared."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from oda_bringup.cli.exits import Exit
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Compare finished adaptations and render their pages again.

    Inputs: session directories, or directories above some. Output: a table, and report.html in each
    session.

    Example: oda report runs
    """

    sessions: Annotated[tuple[str, ...], tyro.conf.Positional] = setting(
        ("runs",), "session directories or directories above them"
    )


def run(options: ReportOptions) -> int:
    """Show the table."""
    return Exit.OK
