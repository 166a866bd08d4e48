"""A bag that survives crashes and full disks.

What is lost at worst: a killed process loses what came after the last flush() (the node flushes
ten times a second); a power failure what came after the last sync() (the node syncs at each end of
an episode). oda repair mends what a killed process leaves. A full disk loses nothing that was
accepted before: space for the index is set aside, and the bag is closed with it.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from rosbags.rosbag2.storage_mcap import McapWriter

from oda_core.bag import BagWriter
from oda_core.errors import BagError
from oda_core.files import sync_directory

RESERVE_BYTES = 1 << 20  # for the index of half an hour, which grows with it
INDEX_BYTES = 512  # of a chunk, at most, for ten topics
CHUNK_BYTES = 1 << 18
SET_BACK_NS = 1_000_000_000  # less is only disorder between topics


class Recorder:
    """Write one bag; usable until close() or the first BagError.

    Attributes:
        path: bag directory; the wanted name, with a number if that exists.
        messages: written so far.
        closed: by close(), or because the disk refused.
    """

    def __init__(self, path: str | Path, reserve_bytes: int = RESERVE_BYTES) -> None:
        """Create the bag and set space aside.

        Raises:
            BagError: the directory cannot be created or the disk is full.
        """
        self.path = free_path(Path(path))
        self.messages = 0
        self._at_ns = 0  # of the newest message in the bag
        self._ahead_ns = 0  # of the bag's times before the clock
        self.closed = False
        self._pending = 0
        self._reserve = self.path / ".reserve"
        self._reserved, self._chunks = reserve_bytes, 0
        self._bag = BagWriter(self.path)
        try:
            self._bag.__enter__()
            _allocate(self._reserve, reserve_bytes)
        except OSError as error:
            raise BagError(
                f"{self.path}: cannot be created ({error.strerror}); choose another place with "
                f"{reserve_bytes / 1e6:.0f} MB and more"
            ) from error
        self._good_bytes = 0
        self.flush()

    def write(self, topic: str, typename: str, cdr: bytes, at_ns: int) -> None:
        """Write a serialized message of time at_ns.

        Times in the bag never decrease. When the clock was set back, they go on from where they
        were; the message keeps its stamp.

        Raises:
            BagError: the disk refuses; the bag is closed with all that was written before.
        """
        behind = self._at_ns - at_ns - self._ahead_ns
        if behind > SET_BACK_NS:
            self._ahead_ns = self._at_ns - at_ns
        self._at_ns = max(self._at_ns, at_ns + self._ahead_ns)
        self._bag.write_raw(topic, typename, cdr, self._at_ns)
        self.messages += 1
        self._pending += len(cdr)
        if self._pending > CHUNK_BYTES:  # before rosbags does it: a refusal must be seen here
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system: it survives a kill of this process.

        Raises:
            BagError: the disk refuses; the bag is closed with all that was written before.
        """
        try:
            self._flush()
        except OSError as error:
            raise self._rescue(error) from error

    def sync(self) -> None:
        """Put everything on the disk: it survives a power failure.

        Raises:
            BagError: the disk refuses; the bag is closed with all that was written before.
        """
        self.flush()
        try:
            os.fsync(self._storage.bio.fileno())
        except OSError as error:
            raise self._rescue(error) from error

    def close(self) -> None:
        """Write index and metadata; nothing happens the second time.

        Raises:
            BagError: the disk refuses.
        """
        if self.closed:
            return
        self.sync()
        self.closed = True
        self._reserve.unlink(missing_ok=True)
        try:
            self._bag.__exit__(None, None, None)
            _sync_file(next(self.path.glob("*.mcap")))
            sync_directory(self.path)
        except OSError as error:
            raise BagError(
                f"{self.path}: cannot be closed ({error.strerror}); its data is intact: free disk "
                "space, then mend it with oda repair"
            ) from error

    @property
    def at_ns(self) -> int:
        """Time of the newest message in the bag [ns]."""
        return self._at_ns

    @property
    def _storage(self) -> McapWriter:
        storage: Any = self._bag.storage
        return storage

    def _flush(self) -> None:
        storage = self._storage
        if storage.chunk.msgs:
            storage.close_chunk()
            self._chunks += 1
            if self._chunks * INDEX_BYTES > self._reserved:
                self._reserved *= 2
                _allocate(self._reserve, self._reserved)
        storage.bio.flush()
        self._pending = 0
        self._good_bytes = storage.bio.tell()

    def _rescue(self, cause: OSError) -> BagError:
        """Close the bag with what it holds: free the reserve, cut off the half-written chunk."""
        self.closed = True
        what = f"{self.path}: cannot write ({cause.strerror}) after {self.messages} messages"
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)
        try:
            self._reopen()
            self._bag.__exit__(None, None, None)
        except OSError:
            return BagError(
                f"{what}; the bag could not be closed, but its data is intact as far as it was "
                "written: free disk space, then mend it with oda repair"
            )
        return BagError(f"{what}; the bag is closed and whole; free disk space and record again")

    def _reopen(self) -> None:
        """Drop the half-written bytes of the file and of its buffer; the chunk is still pending."""
        storage = self._storage
        fresh = storage.path.open("ab")
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, storage.bio.fileno())  # the old buffer empties itself there
        os.close(null)
        storage.bio.close()
        storage.bio = fresh
        fresh.truncate(self._good_bytes)
        fresh.seek(self._good_bytes)


def free_path(path: Path) -> Path:
    """The path itself, or with the first free number appended: nothing is ever overwritten."""
    if not path.exists():
        return path
    number = 2
    while (numbered := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return numbered


def _allocate(path: Path, size: int) -> None:
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
