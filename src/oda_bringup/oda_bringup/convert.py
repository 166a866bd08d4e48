"""Bags to buffers: one buffer of demonstrations and one of offline episodes per connector.

Episodes stream from the bag into the buffers, so that memory grows with neither. What a bag adds
appears in the buffers when the whole bag was read, or not at all.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from oda_core.bag import BagReport, read_episodes
from oda_core.errors import BagError, BufferFileError, ConfigError
from oda_core.files import sha256_file, write_atomic
from oda_core.foreign import read_foreign
from oda_core.mapping import Mapping
from oda_core.types import Episode, Purpose
from oda_policy.buffer import (
    DEMONSTRATIONS,
    OFFLINE,
    BufferInfo,
    BufferWriter,
    SourceFile,
    data_file,
    read_info,
)

LEDGER = "converted.json"  # hashes of the bags that are in the buffers

Read = Callable[[Path, BagReport], Iterator[Episode]]
"""Episodes of a bag; fills the report."""


@dataclass
class Converted:
    """What became of one bag."""

    bag: Path
    kept: dict[Path, int] = field(default_factory=dict)  # buffer to episodes
    successes: int = 0
    report: BagReport = field(default_factory=BagReport)
    known: bool = False  # it was in the buffers already

    @property
    def dropped(self) -> list[str]:
        """One sentence per episode that was left out."""
        return self.report.dropped


def find_bags(paths: Iterable[Path]) -> list[Path]:
    """Bag directories: those given, and those below the directories given; single files as well.

    Raises:
        BagError: a path holds no bag.
    """
    found: list[Path] = []
    for path in paths:
        if _data(path):
            found.append(path)
            continue
        files = (p for kind in ("*.mcap", "*.db3") for p in path.rglob(kind))
        below = sorted({p.parent for p in files if _visible(p, path)})
        if not below:
            raise BagError(f"{path}: holds no bag; give a rosbag2 directory or one above some")
        found += below
    return found


def read_own(bag: Path, report: BagReport) -> Iterator[Episode]:
    """Episodes of a bag that this project recorded, held against its raw topics."""
    return read_episodes(bag, report, checked=True)


def read_mapped(mapping: Mapping) -> Read:
    """How episodes are found in a foreign bag.

    Raises:
        ConfigError: the mapping names no connector.
    """
    if not mapping.connector:
        raise ConfigError("the mapping names no connector; add it, or give --connector NAME")
    return lambda bag, report: read_foreign(bag, mapping, report)


def convert(bags: Iterable[Path], output: Path, read: Read = read_own) -> Iterator[Converted]:
    """Add the episodes of each bag to the buffers of their connectors.

    Demonstrations that succeeded go to output/CONNECTOR/demos, everything else to
    output/CONNECTOR/offline. A bag is converted once, whatever its path.

    Args:
        bags: bag directories or files.
        output: directory of the buffers.
        read: how episodes are found in a bag.

    Raises:
        BagError: a bag cannot be read; nothing of it is in the buffers.
        BufferFileError: a buffer cannot be read or written.
    """
    ledger = output / LEDGER
    done = set(json.loads(ledger.read_text())) if ledger.exists() else set()
    for bag in bags:
        sources = tuple(SourceFile(path=str(p), sha256=sha256_file(p)) for p in sorted(_data(bag)))
        hashes = {source.sha256 for source in sources}
        if hashes <= done:
            yield Converted(bag=bag, known=True)
            continue
        result = Converted(bag=bag)
        _convert_one(result, read(bag, result.report), sources, output)
        done |= hashes
        write_atomic(ledger, json.dumps(sorted(done), indent=1) + "\n")
        yield result


def _convert_one(
    result: Converted, episodes: Iterable[Episode], sources: tuple[SourceFile, ...], output: Path
) -> None:
    buffers: dict[Path, BufferWriter | None] = {}
    with ExitStack() as stack:
        for episode in episodes:
            if not re.fullmatch(r"[\w-][\w.-]*", episode.end.connector):
                name = episode.end.connector
                result.report.fault(
                    f"{result.bag}: found connector {name!r}, which is no file name"
                )
                continue
            path = _buffer_of(episode, output)
            if path not in buffers:
                buffers[path] = _open(stack, path, episode.end.connector, sources)
            try:
                buffer = buffers[path]
                if buffer is not None:
                    buffer.add(episode)
            except BufferFileError as error:
                result.report.fault(f"{result.bag}: {error}; the one of this bag is left out")
                continue
            result.kept[path] = result.kept.get(path, 0) + 1
            result.successes += episode.success


def _open(
    stack: ExitStack, path: Path, connector: str, sources: tuple[SourceFile, ...]
) -> BufferWriter | None:
    """A buffer to add to; None if an interrupted conversion added the bag already."""
    known = {s.sha256 for s in read_info(path).sources} if data_file(path).exists() else set()
    if {source.sha256 for source in sources} <= known:
        return None
    return stack.enter_context(BufferWriter(path, BufferInfo(connector=connector, sources=sources)))


def _buffer_of(episode: Episode, output: Path) -> Path:
    shown = episode.end.purpose is Purpose.DEMONSTRATION and episode.success
    return output / episode.end.connector / (DEMONSTRATIONS if shown else OFFLINE)


def _data(bag: Path) -> list[Path]:
    if bag.is_file() and bag.suffix in (".mcap", ".db3"):
        return [bag]
    return [*bag.glob("*.mcap"), *bag.glob("*.db3")]


def _visible(path: Path, root: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(root).parts)
