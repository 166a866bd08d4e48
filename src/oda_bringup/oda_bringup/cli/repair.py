"""oda repair: bags that were cut off."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from oda_bringup.cli.console import OUT
from oda_bringup.cli.exits import Exit
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class RepairOptions:
    """Mend bags whose recording was cut off by a crash, a kill or a full disk.

    Everything that reached the disk is kept. The cut-off file stays as it is, beside the new one.

    Example: oda repair runs/my-demos/bag
    """

    bags: Annotated[tuple[str, ...], tyro.conf.Positional] = setting((), "bag directories")


def run(options: RepairOptions) -> int:
    """Mend each bag."""
    from oda_core.repair import repair

    for bag in options.bags:
        OUT.print(f"{bag}: {repair(bag)}", markup=False)
    return Exit.OK
