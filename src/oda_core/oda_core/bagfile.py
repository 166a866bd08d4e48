"""Bags read in batches: any rosbag2 directory, MCAP or sqlite3, whatever its state.

Whatever is wrong with a bag becomes a BagError that names the file, the topic and the message.
Memory does not grow with the bag: one batch is held at a time.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw
import numpy as np
from backports import zstd
from mcap.exceptions import McapError
from numpy.typing import NDArray
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.serde import SerdeError
from rosbags.typesys import TypesysError

from oda_core.cdr import Group, PlacedError, decode
from oda_core.chunks import Sink, collect, read_chunks
from oda_core.errors import BagError, ContractError
from oda_core.interfaces import typestore
from oda_core.messages import SECOND_NS

T = TypeVar("T")
SUFFIXES = (".mcap", ".db3")
BATCH = 8192  # messages
REORDER_NS = SECOND_NS // 2  # that messages of a topic may overtake each other
# What readers of damaged files are seen to raise, besides what they promise.
DAMAGE = (
    ReaderError, OSError, EOFError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, AssertionError, RuntimeError, MemoryError, struct.error, apsw.Error,
    zstd.ZstdError, SerdeError, TypesysError, McapError,
)  # fmt: skip


class Columns(NamedTuple):
    """Numbers of n messages."""

    stamps_ns: NDArray[np.int64]  # (n,)
    values: NDArray[np.float64]  # (n, fields)
    frames: NDArray[np.object_]  # (n,) bytes; empty where the type has no header


@dataclass
class Batch:
    """Consecutive messages of one topic, still serialized."""

    path: Path
    topic: str
    typename: str
    first: int  # number of the first message within its topic
    received_ns: list[int] = field(default_factory=list)
    cdrs: list[bytes] = field(default_factory=list)
    order: list[int] = field(default_factory=list)  # among the messages of all topics read with it

    def __len__(self) -> int:
        return len(self.cdrs)

    def sink(self) -> Sink:
        """Takes messages that were read elsewhere."""
        return Sink(self.received_ns.append, self.cdrs.append, self.order.append)

    def columns(self, names: Sequence[str], header: str = "header") -> Columns:
        """Some numbers of every message, with stamp and frame of its header.

        Args:
            names: fields of numbers, such as "twist.linear.x".
            header: field of the header; empty for a type without one, stamped when received.

        Raises:
            BagError: a message cannot be decoded, or has no such field.
        """
        received = np.array(self.received_ns, np.int64)
        stamps, frames = received, np.full(len(self), b"", object)
        values = np.empty((len(self), len(names)))
        stamps = stamps if not header else np.empty_like(received)
        for places, rows in self.groups():
            missing = [name for name in names if name not in (rows.dtype.names or ())]
            if missing:
                raise self.error(int(places[0]), f"{self.typename} has no field {missing[0]}")
            for i, name in enumerate(names):
                values[places, i] = rows[name]
            if header:
                stamps[places] = stamps_ns(rows, f"{header}.stamp")
                frames[places] = rows[f"{header}.frame_id"]
        return Columns(stamps, values, frames)

    def groups(self) -> list[Group]:
        """The messages as structured arrays.

        Raises:
            BagError: a message cannot be decoded.
        """
        try:
            return decode(self.typename, self.cdrs)
        except PlacedError as error:
            raise self.error(error.index, str(error)) from error

    def message(self, index: int, read: Callable[[Any], T]) -> T:
        """What read makes of one message.

        Raises:
            BagError: the message cannot be decoded, or read refuses it.
        """
        try:
            return read(typestore().deserialize_cdr(self.cdrs[index], self.typename))
        except (ContractError, *DAMAGE) as error:
            raise self.error(index, str(error) or type(error).__name__) from error

    def place(self, index: int) -> str:
        """Where a message of this batch is, for people."""
        at = self.received_ns[index] / SECOND_NS
        return f"{self.path}: {self.topic} message {self.first + index} (received at {at:.3f} s)"

    def error(self, index: int, text: str) -> BagError:
        """What is wrong with a message of this batch."""
        return BagError(f"{self.place(index)}: {text}")


def read_batches(
    path: str | Path, topics: Mapping[str, str], optional: Mapping[str, str] | None = None
) -> Iterator[list[Batch]]:
    """The messages of some topics, in the order of their receipt but for that between topics.

    Args:
        path: bag directory, or a single file of one.
        topics: topic to type name; each must be there.
        optional: the same for those that may be missing.

    Yields:
        Batches of consecutive messages, one for each topic that has some.

    Raises:
        BagError: the bag is missing, cut off or damaged, or a topic is missing or of another type.
    """
    bag = Path(path)
    _check_there(bag)
    wanted = {**(optional or {}), **topics}
    try:
        with Reader(bag) as reader:
            connections = _connections(bag, reader.connections, topics, wanted)
            counts = dict.fromkeys(wanted, 0)
            yield from _batches(bag, reader, connections, counts)
            _check_counts(bag, connections, counts)
    except DAMAGE as error:
        why = str(error) or type(error).__name__
        raise BagError(
            f"{bag}: cannot be read to its end ({why}); it is truncated or damaged: try oda repair"
        ) from error


def _batches(
    bag: Path, reader: Reader, connections: list[Connection], counts: dict[str, int]
) -> Iterator[list[Batch]]:
    """Batches of some topics; counts of each topic go on."""
    storage: Any = reader.storage
    files = getattr(storage, "storages", [storage])
    if not connections:
        return
    if reader.compression_mode or not all(isinstance(file, McapReader) for file in files):
        source = reader.messages(connections=connections)
        while batches := _batch(bag, source, counts):
            yield batches
        return
    types = {connection.topic: connection.msgtype for connection in connections}
    number, pending = 0, _empty(bag, types, counts)
    for file in files:
        channels = {c.id: c.topic for c in file.connections if c.topic in types}
        for chunk in read_chunks(Path(file.path)):
            sinks = {c: pending[topic].sink() for c, topic in channels.items()}
            number = collect(chunk, sinks, number)
            if number >= BATCH:
                yield _full(pending, counts)
                number, pending = 0, _empty(bag, types, counts)
    yield _full(pending, counts)


def _empty(bag: Path, types: Mapping[str, str], counts: dict[str, int]) -> dict[str, Batch]:
    return {topic: Batch(bag, topic, kind, counts[topic]) for topic, kind in types.items()}


def _full(batches: dict[str, Batch], counts: dict[str, int]) -> list[Batch]:
    """Those with messages, which are counted."""
    for topic, batch in batches.items():
        counts[topic] += len(batch)
    return [batch for batch in batches.values() if len(batch)]


def _check_counts(bag: Path, connections: list[Connection], counts: dict[str, int]) -> None:
    """Refuse a bag that holds less or more than it says."""
    for topic in {connection.topic for connection in connections}:
        said = sum(c.msgcount for c in connections if c.topic == topic)
        if said and said != counts[topic]:
            raise BagError(
                f"{bag}: found {counts[topic]} messages on {topic}, expected {said}; it is "
                "damaged: try oda repair"
            )


def _batch(
    bag: Path, source: Iterator[tuple[Connection, int, bytes]], counts: dict[str, int]
) -> list[Batch]:
    """The next messages of rosbags."""
    found: dict[str, Batch] = {}
    for number, (connection, at_ns, data) in enumerate(islice(source, BATCH)):
        topic = connection.topic
        if topic not in found:
            found[topic] = Batch(bag, topic, connection.msgtype, counts[topic])
        found[topic].received_ns.append(at_ns)
        found[topic].cdrs.append(data)
        found[topic].order.append(number)
    return _full(found, counts)


def in_order(batches: Sequence[Batch]) -> Iterator[tuple[Batch, int]]:
    """Batch and index of each message, as they were received; the batches were read together."""
    rows = [(at, b, i) for b, batch in enumerate(batches) for i, at in enumerate(batch.order)]
    for _, b, i in sorted(rows):
        yield batches[b], i


def stamps_ns(rows: NDArray[np.void], prefix: str) -> NDArray[np.int64]:
    """(n,) stamps of decoded messages [ns]."""
    seconds = rows[f"{prefix}.sec"].astype(np.int64)
    return seconds * SECOND_NS + rows[f"{prefix}.nanosec"].astype(np.int64)


def _check_there(bag: Path) -> None:
    wanted = "give a rosbag2 directory, or an .mcap or .db3 file"
    if not bag.exists():
        raise BagError(f"{bag}: does not exist; {wanted}")
    if not (bag.is_dir() or bag.suffix in SUFFIXES):
        raise BagError(f"{bag}: is no bag; {wanted}")
    if bag.is_dir() and not any(f.suffix in SUFFIXES for f in bag.iterdir()):
        raise BagError(f"{bag}: holds no .mcap or .db3 file; {wanted}")
    if bag.is_dir() and not (bag / "metadata.yaml").exists():
        raise BagError(
            f"{bag}: has no metadata.yaml, so its recording was cut off; the data is intact as "
            "far as it was written: mend it with oda repair"
        )


def _connections(
    bag: Path, found: list[Connection], needed: Mapping[str, str], wanted: Mapping[str, str]
) -> list[Connection]:
    connections = [c for c in found if c.topic in wanted]
    missing = sorted(needed.keys() - {c.topic for c in connections})
    if missing:
        raise BagError(
            f"{bag}: has no topic {', '.join(missing)} (found {sorted(c.topic for c in found)}); "
            "record with oda demo or the recorder node, or describe its topics in a mapping"
        )
    for connection in connections:
        expected = wanted[connection.topic]
        digest = typestore().hash_rihs01(expected)
        if connection.msgtype != expected or connection.digest not in ("", digest):
            raise BagError(
                f"{bag}: {connection.topic} has type {connection.msgtype} of another definition, "
                f"expected this version's {expected}; record again or use the oda_msgs of the bag"
            )
    return connections
