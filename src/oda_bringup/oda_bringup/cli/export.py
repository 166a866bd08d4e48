"""oda export: buffers for other ecosystems, and back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from oda_bringup.cli.console import OUT
from oda_bringup.cli.exits import Exit
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Write a buffer as a LeRobotDataset (v3.0) or a flat Parquet file, or read one back.

    Input: a buffer; with --to buffer what this command wrote. Nothing is lost on the way: what is
    read back is the same, bit by bit. Minari needs no export, a buffer is one of its data sets.
    Needs pyarrow (pip install pyarrow).

    Example: oda export data/buffers/mine/demos --to lerobot --output data/lerobot/mine
    """

    source: Annotated[str, tyro.conf.Positional] = setting(
        "", "buffer, or with --to buffer a table"
    )
    to: Literal["lerobot", "parquet", "buffer"] = setting("lerobot", "what to write")
    output: str = setting("", "what to create; it must not exist")


def run(options: ExportOptions) -> int:
    """Write it and say how much it is."""
    from oda_core.errors import ConfigError
    from oda_policy.exports import read_table, write_parquet
    from oda_policy.lerobot import write_lerobot

    if not options.source or not options.output:
        raise ConfigError("oda export: needs a source and --output; see oda export --help")
    write = {"lerobot": write_lerobot, "parquet": write_parquet, "buffer": read_table}[options.to]
    count = write(Path(options.source), Path(options.output))
    OUT.print(f"{count} episodes in {options.output}", markup=False)
    return Exit.OK
