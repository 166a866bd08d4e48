"""Where the episodes of a foreign bag begin and end, as its mapping says."""

from dataclasses import dataclass

import numpy as np

from oda_core.bagfile import Batch, stamps_ns
from oda_core.mapping import MARKS, Mapping, Marks
from oda_core.measured import Measured
from oda_core.messages import SECOND_NS
from oda_core.types import Event


@dataclass(frozen=True)
class Cut:
    """Begin or end of an episode."""

    stamp_ns: int
    begins: bool
    verdict: Event | None  # of an end; None: the goal tells
    place: str


class Cutter:
    """Finds the cuts while the bag is read."""

    def __init__(self, mapping: Mapping, measured: Measured) -> None:
        """Begin with nothing."""
        self._mapping = mapping
        self._measured = measured
        self._cuts: list[Cut] = []
        self._listed = False
        self._ended_ns = -1  # the pose fell silent then
        self._begin_ns: int | None = 0  # an episode may begin from then on

    @property
    def types(self) -> dict[str, str]:
        """Topics of marks and their types."""
        marks = self._mapping.marks
        return {marks.topic: marks.type} if marks is not None else {}

    def push(self, batch: Batch) -> None:
        """Take messages, of whatever topic.

        Raises:
            BagError: a mark cannot be decoded.
        """
        marks = self._mapping.marks
        if marks is not None and batch.topic == marks.topic:
            self._cuts += _marks(batch, marks, self._mapping.stamp == "header")

    def take(self, until_ns: int) -> list[Cut]:
        """The cuts up to a time, in order; each is given once."""
        if self._mapping.episodes:
            self._list()
        elif self._mapping.marks is None:
            self._split()
        self._cuts.sort(key=lambda cut: cut.stamp_ns)
        ready = [cut for cut in self._cuts if cut.stamp_ns <= until_ns]
        self._cuts = self._cuts[len(ready) :]
        return ready

    def close(self, end_ns: int) -> None:
        """The bag has ended; without marks and list that ends an episode."""
        if not self._mapping.episodes and self._mapping.marks is None:
            self._split()
            self._cuts.append(Cut(end_ns, False, None, "the end of the bag"))

    def _list(self) -> None:
        first = self._measured.pose_signal.first_from(0)
        if self._listed or first is None:
            return
        self._listed = True
        for i, span in enumerate(self._mapping.episodes):
            begin, end = (first + round(s * SECOND_NS) for s in (span.begin_s, span.end_s))
            verdict = Event.SUCCESS if span.success else Event.FAILURE
            place = f"item {i} of the list"
            self._cuts += [Cut(begin, True, None, place), Cut(end, False, verdict, place)]

    def _split(self) -> None:
        """Begin when every topic is there; end where the pose is silent for gap_s."""
        pose, gap_ns = self._measured.pose_signal, round(self._mapping.gap_s * SECOND_NS)
        if pose.newest_ns is None:
            return
        if gap_ns:
            newest = max(signal.newest_ns or 0 for signal in self._measured.all)
            silent = [pose.newest_ns] if newest - pose.newest_ns > gap_ns else []
            for before in [*pose.gaps(gap_ns), *silent]:
                if before > self._ended_ns:
                    self._begin()
                    self._cuts.append(Cut(before, False, None, "silence"))
                    self._ended_ns, self._begin_ns = before, before + 1
        self._begin()

    def _begin(self) -> None:
        if self._begin_ns is None:
            return
        firsts = [signal.first_from(self._begin_ns) for signal in self._measured.needed]
        known = [stamp for stamp in firsts if stamp is not None]
        if len(known) == len(firsts):
            tare_ns = round(self._mapping.wrench.tare_s * SECOND_NS)
            self._cuts.append(Cut(max(known) + tare_ns, True, None, "the first messages"))
            self._begin_ns = None


def _marks(batch: Batch, marks: Marks, by_header: bool) -> list[Cut]:
    header, value = MARKS[marks.type]
    stamps = np.array(batch.received_ns, np.int64)
    words = [""] * len(batch)
    for places, rows in batch.groups():
        if header and by_header:
            stamps[places] = stamps_ns(rows, f"{header}.stamp")
        for place, found in zip(places.tolist(), rows[value].tolist(), strict=True):
            words[place] = (
                found.decode(errors="replace") if isinstance(found, bytes) else str(found)
            )
    verdicts = {
        **dict.fromkeys(marks.begin, None),
        **dict.fromkeys(marks.success, Event.SUCCESS),
        **dict.fromkeys(marks.failure, Event.FAILURE),
    }
    return [
        Cut(int(stamps[i]), word in marks.begin, verdicts[word], batch.place(i))
        for i, word in enumerate(words)
        if word in verdicts
    ]
