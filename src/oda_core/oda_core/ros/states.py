"""States as they come off the wire: kept undecoded, because most of them are only passed over."""

from collections import deque

from oda_core.types import TcpState
from oda_core.wire import decode_state, raw_stamp_ns


class StateBuffer:
    """The newest states of a raw subscription to /oda/state, decoded when they are looked at.

    Args:
        size: states kept; 300 are three seconds.
    """

    def __init__(self, size: int = 300) -> None:
        """Begin empty."""
        self._raw: deque[tuple[int, bytes]] = deque(maxlen=size)
        self._decoded: TcpState | None = None

    def add(self, cdr: bytes) -> int:
        """Keep a serialized state; its stamp [ns]. A repetition is not kept twice.

        A stamp before the newest one forgets all others: time was set back.
        """
        stamp = raw_stamp_ns(cdr)
        if self._raw and stamp <= self._raw[-1][0]:
            if stamp == self._raw[-1][0]:
                return stamp
            self._raw.clear()
        self._raw.append((stamp, cdr))
        return stamp

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest state [ns], None before the first."""
        return self._raw[-1][0] if self._raw else None

    def newest(self) -> TcpState | None:
        """The newest state, None before the first.

        Raises:
            ContractError: it has another frame or a value that is not finite.
        """
        return self._decode(self._raw[-1]) if self._raw else None

    def at(self, stamp_ns: int) -> TcpState | None:
        """The newest state that is not younger than a stamp, None if there is none.

        Raises:
            ContractError: it has another frame or a value that is not finite.
        """
        for item in reversed(self._raw):
            if item[0] <= stamp_ns:
                return self._decode(item)
        return None

    def since(self, stamp_ns: int) -> list[TcpState]:
        """States from a stamp on, in order.

        Raises:
            ContractError: one has another frame or a value that is not finite.
        """
        return [self._decode(item) for item in self._raw if item[0] >= stamp_ns]

    def _decode(self, item: tuple[int, bytes]) -> TcpState:
        if self._decoded is None or self._decoded.stamp_ns != item[0]:
            self._decoded = decode_state(item[1])
        return self._decoded
