"""oda convert: bags to buffers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from oda_bringup.cli.console import say, table, track
from oda_bringup.cli.exits import Exit
from oda_core.errors import BagError
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """Convert bags to buffers, one of demonstrations and one of offline episodes per connector.

    Inputs: rosbag2 directories, or directories above some. Output: OUTPUT/CONNECTOR/demos with the
    demonstrations that succeeded and OUTPUT/CONNECTOR/offline with everything else; both open in
    Minari. Says for each episode that is left out why. A bag is converted once, so that an
    interrupted run goes on and new bags are added.

    Example: oda convert data/bags runs/my-demos --output data/buffers
    """

    bags: Annotated[tuple[str, ...], tyro.conf.Positional] = setting(
        ("data/bags",), "bags or directories above them"
    )
    output: str = setting("data/buffers", "directory of the buffers")


def run(options: ConvertOptions) -> int:
    """Convert every bag and tell what became of it."""
    from oda_bringup.convert import convert, find_bags

    bags = find_bags(map(Path, options.bags))
    rows, dropped, damaged = [], [], []
    for bag in track(bags, "converting bags"):
        try:
            (result,) = convert([bag], Path(options.output))
        except BagError as error:
            damaged.append(str(error))
            continue
        kept = "known" if result.known else sum(result.kept.values())
        rows.append((bag, kept, result.successes, len(result.dropped)))
        dropped += [f"{bag}: {reason}" for reason in result.dropped]
    table(("bag", "kept", "inserted", "dropped"), rows)
    for line in dropped + damaged:
        say(line)
    say(f"buffers in {options.output}")
    return Exit.BAD_INPUT if damaged else Exit.OK
