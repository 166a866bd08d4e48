"""oda bench: speeds, as medians with ratios."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from oda_bringup.cli.exits import Exit
from oda_core.settings import setting
from oda_policy.config import described

Name = Literal["sim", "graph", "policy", "awac"]


@described
@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Measure speeds on this machine.

    Example: oda bench sim awac
    """

    names: Annotated[tuple[Name, ...], tyro.conf.Positional] = setting(
        ("sim", "graph", "policy", "awac"), "what to measure"
    )


def run(options: BenchOptions) -> int:
    """Measure what was named."""
    return Exit.OK
