"""Events of the Linux joystick interface (/dev/input/js*), as axes and buttons.

An event is eight bytes: milliseconds, value from -32767 to 32767, kind, number. Kind 1 is a button,
2 an axis; 0x80 is added for the state that the kernel tells at the beginning. Left and up are
negative there and positive here, as the joy node publishes them.
"""

import os
import struct
from collections.abc import Iterator

from oda_core.errors import DeviceError

EVENT = struct.Struct("=IhBB")
BUTTON, AXIS, INITIAL = 1, 2, 0x80
FULL = 32767


class Gamepad:
    """An open joystick.

    Attributes:
        axes: newest values in [-1, 1].
        buttons: 0 or 1.
    """

    def __init__(self, path: str) -> None:
        """Open it; its present state comes with the first read.

        Raises:
            DeviceError: it is not there.
        """
        self.axes: list[float] = []
        self.buttons: list[int] = []
        self._path, self._rest = path, b""
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise DeviceError(
                f"{path}: cannot be opened ({error.strerror}); plug the gamepad in, and let this "
                "user read it (group input)"
            ) from error

    def read(self) -> bool:
        """Take what has come, without waiting; whether anything has.

        Raises:
            DeviceError: it was plugged out.
        """
        changed = False
        for number, kind, value in self._events():
            changed = True
            if kind & ~INITIAL == BUTTON:
                _put(self.buttons, number, int(value != 0))
            elif kind & ~INITIAL == AXIS:
                _put(self.axes, number, -value / FULL)
        return changed

    def close(self) -> None:
        """Let go of it."""
        os.close(self._file)

    def _events(self) -> Iterator[tuple[int, int, int]]:
        while True:
            try:
                data = os.read(self._file, 64 * EVENT.size)
            except BlockingIOError:
                return
            except OSError as error:
                raise DeviceError(f"{self._path}: lost ({error.strerror})") from error
            if not data:
                raise DeviceError(f"{self._path}: it has ended; was it plugged out?")
            data = self._rest + data
            whole = len(data) - len(data) % EVENT.size
            self._rest = data[whole:]
            for _, value, kind, number in EVENT.iter_unpack(data[:whole]):
                yield number, kind, value


def _put(values: list[float] | list[int], number: int, value: float) -> None:
    values.extend([0] * (number + 1 - len(values)))
    values[number] = value  # pyright: ignore[reportCallIssue, reportArgumentType]
