"""Messages of an MCAP file in the order in which they were written, a chunk at a time.

rosbags sorts all chunks by time, which costs several times as much; who reads by header stamp does
not need it.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Chunk, Message
from mcap.stream_reader import StreamReader, get_chunk_data_stream

_HEAD = struct.Struct("<BQHIQQ")  # of a message: opcode, length, channel, number, received, sent
_RECORD = struct.Struct("<BQ")  # of any record: opcode, length
_BODY = _HEAD.size - _RECORD.size
_MESSAGE = int(Opcode.MESSAGE)


class Sink(NamedTuple):
    """Where the messages of a channel go."""

    received_ns: Callable[[int], None]
    cdr: Callable[[bytes], None]
    order: Callable[[int], None]  # number among the messages of all channels


def read_chunks(path: Path) -> Iterator[bytes]:
    """The chunks of a file, each the records within it; a message outside makes its own.

    Raises:
        ValueError: a chunk is damaged.
        McapError: a record is damaged or cut off.
    """
    with path.open("rb") as file:
        for record in StreamReader(file, emit_chunks=True).records:
            if isinstance(record, Chunk):
                stream, size = get_chunk_data_stream(record, validate_crc=True)
                yield stream.read(size)
            elif isinstance(record, Message):
                length, m = _BODY + len(record.data), record
                head = (_MESSAGE, length, m.channel_id, m.sequence, m.log_time, m.publish_time)
                yield _HEAD.pack(*head) + record.data


def collect(data: bytes, sinks: Mapping[int, Sink], number: int) -> int:
    """Hand the messages of a chunk to the sinks of their channels.

    Args:
        data: the chunk.
        sinks: by channel; messages of other channels are passed over.
        number: of the first message.

    Returns:
        The number of the message after the last.

    Raises:
        McapError: the chunk breaks off within a record.
    """
    at, size, unpack, find = 0, len(data), _HEAD.unpack_from, sinks.get
    while at + 31 <= size:
        opcode, length, channel, _, received_ns, _ = unpack(data, at)
        begin, at = at + 31, at + 9 + length
        if opcode == _MESSAGE:
            sink = find(channel)
            if sink is None:
                continue
            if length < _BODY or at > size or received_ns >> 63:
                raise McapError(
                    f"a message of {length} bytes, received at {received_ns} ns, cannot be in a "
                    f"chunk of {size}"
                )
            sink.received_ns(received_ns)
            sink.cdr(data[begin:at])
            sink.order(number)
            number += 1
    if at != size and not _ends_whole(data, at):
        raise McapError(f"a chunk of {size} bytes breaks off at byte {at}")
    return number


def _ends_whole(data: bytes, at: int) -> bool:
    """The rest of a chunk is whole records that are shorter than a message."""
    while at + _RECORD.size <= len(data):
        at += _RECORD.size + _RECORD.unpack_from(data, at)[1]
    return at == len(data)
