"""Mend bags whose recording was cut off: everything that reached the disk is kept."""

import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

from mcap.exceptions import McapError
from mcap.records import Channel, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError, StoragePlugin, Writer
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from oda_core.bag import offered_qos
from oda_core.errors import BagError
from oda_core.files import sync_directory

# What the readers of MCAP and of messages raise when they meet damaged bytes.
BROKEN = (
    McapError, ReaderError, SerdeError, TypesysError, struct.error, ArithmeticError, AssertionError,
    EOFError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
ORIGINAL = ".orig"
WORK = ".repair"


@dataclass(frozen=True, kw_only=True)
class RepairReport:
    """What was found and kept."""

    messages: int  # in the bag now
    topics: int
    tail_bytes: int  # at the end of the file that could not be read
    reason: str  # why reading ended; empty for a whole bag
    original: Path | None  # the file as it was found; None for a whole bag

    def __str__(self) -> str:
        if self.original is None:
            return f"whole, {self.messages} messages on {self.topics} topics; nothing to mend"
        return (
            f"kept {self.messages} messages on {self.topics} topics, lost the last "
            f"{self.tail_bytes} bytes ({self.reason}); the file as it was is {self.original.name}"
        )


def repair(path: str | Path) -> RepairReport:
    """Rebuild a bag's MCAP file with its index, and metadata.yaml, from what is readable.

    The file as it was stays beside the new one, with .orig appended. Interrupted at any point,
    call it again.

    Args:
        path: bag directory.

    Raises:
        BagError: no MCAP file, nothing readable in it, or the disk refuses the writes.
    """
    bag = Path(path)
    whole = _whole(bag)
    if whole is not None:
        return whole
    source = _find(bag)
    work = bag / WORK
    shutil.rmtree(work, ignore_errors=True)
    target = work / bag.resolve().name
    try:
        report = _copy(source, target)
        _swap(bag, source, target)
    except OSError as error:
        raise BagError(
            f"{bag}: cannot be mended ({error.strerror}); the original is unchanged; free disk "
            "space and repeat"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return report


def _whole(bag: Path) -> RepairReport | None:
    """The report of a bag that can be read as it is, None otherwise."""
    if not (bag / "metadata.yaml").exists():
        return None
    try:
        with Reader(bag) as reader:
            count = sum(1 for _ in reader.messages())
            topics = len(reader.connections)
    except (*BROKEN, OSError):
        return None
    return RepairReport(messages=count, topics=topics, tail_bytes=0, reason="", original=None)


def _find(bag: Path) -> Path:
    """The file to mend; an .orig is what an interrupted repair left."""
    found = sorted(bag.glob(f"*.mcap{ORIGINAL}")) or sorted(bag.glob("*.mcap"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise BagError(f"{bag}: found MCAP files: {names}; expected exactly one in a bag directory")
    return found[0]


def _copy(source: Path, target: Path) -> RepairReport:
    target.parent.mkdir()
    copier = _Copier(target)
    read_to, reason = 0, "the file has no index"
    with source.open("rb") as stream:
        try:
            for record in StreamReader(stream).records:
                copier.take(record)
                read_to = stream.tell()
        except BROKEN as error:
            reason = f"it breaks off: {type(error).__name__}"
        lost = source.stat().st_size - read_to
    if not copier.messages:
        raise BagError(f"{source}: no message in it can be read ({reason}); nothing to mend")
    copier.close()
    return RepairReport(
        messages=copier.messages,
        topics=copier.topics,
        tail_bytes=lost,
        reason=reason,
        original=source.with_name(source.name.removesuffix(ORIGINAL) + ORIGINAL),
    )


class _Copier:
    """Writes the readable records of an MCAP file into a new bag."""

    def __init__(self, target: Path) -> None:
        self.messages = 0
        self._writer = Writer(target, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._connections: dict[int, Connection] = {}

    @property
    def topics(self) -> int:
        return len(self._connections)

    def take(self, record: McapRecord) -> None:
        if isinstance(record, Schema):
            self._schemas[record.id] = record
        elif isinstance(record, Channel):
            self._channels[record.id] = record
        elif isinstance(record, Message):
            if record.channel_id not in self._connections:
                self._connections[record.channel_id] = self._connect(record.channel_id)
            connection = self._connections[record.channel_id]
            self._writer.write(connection, record.log_time, record.data)
            self.messages += 1

    def close(self) -> None:
        self._writer.close()

    def _connect(self, channel_id: int) -> Connection:
        """Repeat a channel with the definition embedded in the file, whatever its version."""
        channel = self._channels[channel_id]
        schema = self._schemas[channel.schema_id]
        definition = schema.data.decode()
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(definition, schema.name))
        return self._writer.add_connection(
            channel.topic,
            schema.name,
            msgdef=definition,
            rihs01=store.hash_rihs01(schema.name),
            offered_qos_profiles=[offered_qos(channel.topic)],
        )


def _swap(bag: Path, source: Path, target: Path) -> None:
    """Put the new files in place of the old; a crash in between leaves the .orig to start from."""
    new = next(target.glob("*.mcap"))
    with new.open("rb") as file:
        os.fsync(file.fileno())
    name = source.name.removesuffix(ORIGINAL)
    os.replace(source, bag / (name + ORIGINAL))
    os.replace(new, bag / new.name)
    os.replace(target / "metadata.yaml", bag / "metadata.yaml")
    sync_directory(bag)
