"""Bags to buffers: one buffer of demonstrations and one of offline episodes per connector."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oda_core.bag import BagReport, read_episodes
from oda_core.errors import BagError
from oda_core.files import sha256_file, write_atomic
from oda_core.types import Episode, Purpose
from oda_policy.buffer import BufferInfo, SourceFile, append, data_file, read_info, write_buffer

DEMONSTRATIONS = "demos"
OFFLINE = "offline"
LEDGER = "converted.json"  # hashes of the bags that are in the buffers


@dataclass
class Converted:
    """What became of one bag."""

    bag: Path
    kept: dict[Path, int] = field(default_factory=dict)  # buffer to episodes
    successes: int = 0
    dropped: list[str] = field(default_factory=list)  # one sentence per episode
    known: bool = False  # it was in the buffers already


def find_bags(paths: Iterable[Path]) -> list[Path]:
    """Bag directories: those given, and those below the directories given.

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


def convert(bags: Iterable[Path], output: Path) -> Iterator[Converted]:
    """Add the episodes of each bag to the buffers of their connectors.

    Demonstrations that succeeded go to output/CONNECTOR/demos, everything else to
    output/CONNECTOR/offline. A bag is converted once, whatever its path.

    Raises:
        BagError: a bag cannot be read.
        BufferFileError: a buffer cannot be read or written.
    """
    ledger = output / LEDGER
    done = set(json.loads(ledger.read_text())) if ledger.exists() else set()
    for bag in bags:
        sources = [SourceFile(path=str(p), sha256=sha256_file(p)) for p in sorted(_data(bag))]
        hashes = {source.sha256 for source in sources}
        if hashes <= done:
            yield Converted(bag=bag, known=True)
            continue
        result = _convert_one(bag, sources, output)
        done |= hashes
        write_atomic(ledger, json.dumps(sorted(done), indent=1) + "\n")
        yield result


def _convert_one(bag: Path, sources: list[SourceFile], output: Path) -> Converted:
    report = BagReport()
    groups: dict[Path, list[Episode]] = {}
    for episode in read_episodes(bag, report):
        groups.setdefault(_buffer_of(episode, output), []).append(episode)
    result = Converted(bag=bag, dropped=report.dropped)
    for path, episodes in groups.items():
        _add(path, episodes, sources)
        result.kept[path] = len(episodes)
        result.successes += sum(episode.success for episode in episodes)
    return result


def _buffer_of(episode: Episode, output: Path) -> Path:
    shown = episode.end.purpose is Purpose.DEMONSTRATION and episode.success
    return output / episode.end.connector / (DEMONSTRATIONS if shown else OFFLINE)


def _add(path: Path, episodes: list[Episode], sources: list[SourceFile]) -> None:
    """Add a bag's episodes, unless an interrupted conversion did so already."""
    if not data_file(path).exists():
        info = BufferInfo(connector=episodes[0].end.connector, sources=tuple(sources))
        write_buffer(path, episodes, info)
    elif not {s.sha256 for s in sources} <= {s.sha256 for s in read_info(path).sources}:
        append(path, episodes, sources)


def _data(bag: Path) -> list[Path]:
    return [*bag.glob("*.mcap"), *bag.glob("*.db3")]


def _visible(path: Path, root: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(root).parts)
