"""oda convert: bags to buffers."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from oda_bringup.cli.console import say, table, track
from oda_bringup.cli.exits import Exit
from oda_core.config import load_yaml
from oda_core.errors import BagError, ConfigError
from oda_core.settings import setting
from oda_policy.config import described

if TYPE_CHECKING:
    from oda_bringup.convert import Read


@described
@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """Convert bags to buffers, one of demonstrations and one of offline episodes per connector.

    Inputs: rosbag2 directories in MCAP or sqlite3, or directories above some. Bags of this project
    are held against their raw topics; for bags of others a mapping tells what their topics are
    (docs/howto/convert_bags.md). Output: OUTPUT/CONNECTOR/demos with the demonstrations that
    succeeded and OUTPUT/CONNECTOR/offline with everything else; both open in Minari. Says for each
    episode that is left out why. A bag is converted once, so that an interrupted run goes on and
    new bags are added. The exit code is 1 when data was found to be wrong, 2 when a bag cannot be
    read at all; nothing of such a bag is in the buffers.

    Example: oda convert data/bags runs/my-demos --output data/buffers
    """

    bags: Annotated[tuple[str, ...], tyro.conf.Positional] = setting(
        ("data/bags",), "bags or directories above them"
    )
    output: str = setting("data/buffers", "directory of the buffers")
    mapping: str = setting("", "YAML file that describes bags of another system; empty: our own")
    connector: str = setting("", "with a mapping: the connector that the bags show")


def run(options: ConvertOptions) -> int:
    """Convert every bag and tell what became of it."""
    from oda_bringup.convert import convert, find_bags

    bags, read = find_bags(map(Path, options.bags)), _reader(options)
    rows, lines, wrong, damaged = [], [], 0, []
    for bag in track(bags, "converting bags"):
        try:
            (result,) = convert([bag], Path(options.output), read)
        except BagError as error:
            damaged.append(str(error))
            continue
        kept = "known" if result.known else sum(result.kept.values())
        report = result.report
        rows.append((bag, kept, result.successes, len(report.dropped), report.checked))
        lines += [text if str(bag) in text else f"{bag}: {text}" for text in report.dropped]
        wrong += len(report.faults)
    table(("bag", "kept", "inserted", "dropped", "steps checked"), rows)
    for line in lines + damaged:
        say(line)
    say(f"buffers in {options.output}")
    if damaged:
        return Exit.BAD_INPUT
    return Exit.NOT_ACCEPTED if wrong else Exit.OK


def _reader(options: ConvertOptions) -> "Read":
    """How episodes are found in the bags."""
    from oda_bringup.convert import read_mapped, read_own
    from oda_core.mapping import Mapping

    if not options.mapping:
        if options.connector:
            raise ConfigError("--connector: only bags with a --mapping do not name theirs")
        return read_own
    mapping = load_yaml(Mapping, options.mapping)
    return read_mapped(replace(mapping, connector=options.connector or mapping.connector))
