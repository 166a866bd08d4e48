"""Topics as sampled signals in time: causal values between the messages, however late they come."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.bagfile import REORDER_NS, Batch
from oda_core.errors import ContractError
from oda_core.messages import SECOND_NS
from oda_core.se3 import Pose, interpolate, unit_quaternion

Array = NDArray[np.float64]


class Fields(NamedTuple):
    """Where the numbers of a topic are and what they must be."""

    names: tuple[str, ...]
    header: str  # field; empty: stamped when received
    frame_id: str
    scale: Array  # (fields,) to SI


class Signal:
    """The newest values of one topic, by stamp.

    Attributes:
        topic: its name.
        newest_ns: stamp of the newest value; None before the first.
    """

    def __init__(self, topic: str, fields: Fields) -> None:
        """Begin with nothing."""
        self.topic = topic
        self.newest_ns: int | None = None
        self._fields = fields
        self._stamps = np.empty(0, np.int64)
        self._values = np.empty((0, len(fields.names)))
        self._numbers = np.empty(0, np.int64)

    def push(self, batch: Batch) -> None:
        """Take messages; those that repeat a stamp are passed over, late ones are sorted in.

        Raises:
            BagError: a message is damaged, in another frame, or its stamp jumps back.
        """
        found = batch.columns(self._fields.names, self._fields.header)
        if self._fields.header:
            wrong = np.flatnonzero(found.frames != self._fields.frame_id.encode())
            if len(wrong):
                frame = bytes(found.frames[int(wrong[0])]).decode(errors="replace")
                raise batch.error(
                    int(wrong[0]),
                    f"found frame_id {frame!r}, expected {self._fields.frame_id!r}; correct the "
                    "mapping, or transform the data where it is really in another frame",
                )
        stamps = np.concatenate([self._stamps, found.stamps_ns])
        newest = np.maximum.accumulate(stamps)
        back = np.flatnonzero(newest - stamps > REORDER_NS)
        if len(back):
            i = int(back[0]) - len(self._stamps)
            raise batch.error(
                i,
                f"the stamp jumps back from {newest[back[0]]} to {found.stamps_ns[i]} ns; cut the "
                "bag there, or use the times of receipt (stamp: received)",
            )
        self._stamps = stamps
        self._values = np.concatenate([self._values, found.values * self._fields.scale])
        self._numbers = np.concatenate([self._numbers, batch.first + np.arange(len(batch))])
        if np.any(stamps[1:] <= stamps[:-1]):
            self._stamps, kept = np.unique(stamps, return_index=True)
            self._values, self._numbers = self._values[kept], self._numbers[kept]
        self.newest_ns = int(self._stamps[-1])

    def drop_before(self, stamp_ns: int) -> None:
        """Forget what is older, but for the last value before."""
        i = max(0, int(np.searchsorted(self._stamps, stamp_ns)) - 1)
        if i:
            self._stamps, self._values = self._stamps[i:], self._values[i:]
            self._numbers = self._numbers[i:]

    def first_from(self, stamp_ns: int) -> int | None:
        """Stamp of the first value at or after a stamp; None if there is none yet."""
        i = int(np.searchsorted(self._stamps, stamp_ns))
        return int(self._stamps[i]) if i < len(self._stamps) else None

    def stamp_at(self, stamp_ns: int, max_gap_ns: int) -> int:
        """Stamp of the newest value at a time.

        Raises:
            ContractError: it is older than max_gap_ns, or there is none.
        """
        i = self._index(stamp_ns)
        if i < 0:
            raise ContractError(f"{self.topic} has no message before stamp {stamp_ns} ns")
        if stamp_ns - self._stamps[i] > max_gap_ns:
            raise ContractError(
                f"{self.topic} is silent after message {self._numbers[i]} (stamp "
                f"{self._stamps[i]} ns) for more than {max_gap_ns / SECOND_NS:g} s"
            )
        return int(self._stamps[i])

    def latest(self, stamp_ns: int) -> Array:
        """(fields,) newest value at a time, which must have one."""
        return self._finite(slice(i := self._index(stamp_ns), i + 1))[0]

    def linear(self, stamp_ns: int) -> Array:
        """(fields,) value at a time, on the line between its neighbours."""
        i, fraction = self._between(stamp_ns)
        pair = self._finite(slice(i, i + (2 if fraction else 1)))
        return pair[0] + fraction * (pair[-1] - pair[0])

    def mean(self, begin_ns: int, end_ns: int) -> Array | None:
        """(fields,) mean of the values after begin_ns, up to end_ns; None if there are none."""
        found = self._finite(slice(self._index(begin_ns) + 1, self._index(end_ns) + 1))
        return found.mean(axis=0) if len(found) else None

    def mean_from(self, begin_ns: int, end_ns: int) -> Array | None:
        """(fields,) mean of the values from begin_ns on, before end_ns; None if there are none."""
        return self.mean(begin_ns - 1, end_ns - 1)

    def pose(self, stamp_ns: int) -> Pose:
        """Pose at a time, on the screw motion between its neighbours; the fields are 3 and 4."""
        i, fraction = self._between(stamp_ns)
        rows = self._finite(slice(i, i + (2 if fraction else 1)))
        norms = np.linalg.norm(rows[:, 3:], axis=1)
        if np.any(np.abs(norms - 1.0) > 1e-2):
            raise ContractError(
                f"{self.topic} message {self._numbers[i]}: found a quaternion of norm "
                f"{norms[0]:.3f}, expected 1"
            )
        poses = [Pose(row[:3], unit_quaternion(row[3:])) for row in rows]
        return interpolate(poses[0], poses[1], fraction) if fraction else poses[0]

    def earlier(self, stamp_ns: int, span_ns: int) -> int | None:
        """Stamp of the oldest value within a span before a time, or else of the last before it."""
        i, end = (int(np.searchsorted(self._stamps, s)) for s in (stamp_ns - span_ns, stamp_ns))
        i = min(i, end - 1)
        return int(self._stamps[i]) if i >= 0 else None

    def gaps(self, gap_ns: int) -> list[int]:
        """Stamps after which the topic is silent for more than gap_ns and then goes on."""
        return self._stamps[:-1][np.diff(self._stamps) > gap_ns].tolist()

    def _index(self, stamp_ns: int) -> int:
        return int(np.searchsorted(self._stamps, stamp_ns, side="right")) - 1

    def _between(self, stamp_ns: int) -> tuple[int, float]:
        """Index of the value at or before a time, and how far on the way to the next it is."""
        i = max(self._index(stamp_ns), 0)
        if stamp_ns <= self._stamps[i] or i + 1 == len(self._stamps):
            return i, 0.0
        return i, float(stamp_ns - self._stamps[i]) / float(self._stamps[i + 1] - self._stamps[i])

    def _finite(self, rows: slice) -> Array:
        found = self._values[rows]
        bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if len(bad):
            i = rows.start + int(bad[0])
            raise ContractError(
                f"{self.topic} message {self._numbers[i]} (stamp {self._stamps[i]} ns): found "
                f"{self._values[i].tolist()}, expected finite numbers"
            )
        return found
