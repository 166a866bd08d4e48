"""oda inspect: what is in bags, buffers and checkpoints, and what is wrong with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from oda_bringup.cli.console import OUT, table
from oda_bringup.cli.exits import Exit
from oda_core.settings import setting
from oda_policy.config import described

PAGES = Path("runs") / "inspections"


@described
@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """Show what is in a bag, a buffer or a checkpoint, and what is wrong with each demonstration.

    Prints a summary and writes one self-contained HTML page: paths in 3-D, velocities, wrenches,
    gaps, outcomes, figures per connector. A directory is searched for bags. The exit code is 1 when
    an episode is bad.

    Example: oda inspect runs/my-demos --output my-demos.html
    """

    path: Annotated[str, tyro.conf.Positional] = setting("runs", "bag, buffer or checkpoint")
    output: str = setting("", "page to write; empty: runs/inspections/NAME.html")


def run(options: InspectOptions) -> int:
    """Inspect one path."""
    from oda_bringup.inspection.subject import kind_of
    from oda_core.files import write_atomic

    path = Path(options.path)
    if kind_of(path) == "checkpoint":
        page, code = _checkpoint(path)
    else:
        page, code = _episodes(path)
    name = "-".join(part for part in path.resolve().parts[-2:] if part != "/")
    output = Path(options.output) if options.output else PAGES / f"{name}.html"
    write_atomic(output, page)
    OUT.print(f"page {output}", markup=False)
    return code


def _episodes(path: Path) -> tuple[str, int]:
    from oda_bringup.inspection import figures
    from oda_bringup.inspection.page import episodes_page
    from oda_bringup.inspection.subject import load
    from oda_teleop.quality import Level

    subject = load(path)
    table(figures.COLUMNS, map(figures.row, figures.per_connector(subject.episodes)))
    rows = [
        (
            episode.trace.end.connector,
            episode.trace.end.session,
            episode.trace.end.episode_id,
            episode.verdict,
        )
        for episode in subject.episodes
        if episode.verdict.level is not Level.GOOD
    ]
    if rows:
        OUT.print()
        table(("connector", "session", "episode", "verdict"), rows)
    OUT.print(figures.sentence(subject.episodes), markup=False)
    bad = any(episode.verdict.level is Level.BAD for episode in subject.episodes)
    return episodes_page(subject), Exit.NOT_ACCEPTED if bad else Exit.OK


def _checkpoint(path: Path) -> tuple[str, int]:
    from oda_bringup.inspection.checkpoint import checkpoint_page, facts

    found = facts(path)
    table(("checkpoint", path.name), found.rows)
    table(("network", "numbers", "norm", "largest"), found.networks)
    return checkpoint_page(path, found), Exit.OK
