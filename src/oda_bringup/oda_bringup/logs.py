"""Log files of nodes: what a person should see while they run and after one has died."""

import re
from collections.abc import Callable
from pathlib import Path

_NOTABLE = re.compile(r"\[(WARN|WARNING|ERROR|FATAL)\]")


class Follower:
    """Reads what is appended to a log file."""

    def __init__(self, name: str, path: Path) -> None:
        """Begin at the present end of the file, which need not exist yet."""
        self._name, self._path = name, path
        self._offset = path.stat().st_size if path.exists() else 0

    def report(self, notice: Callable[[str, str], None]) -> None:
        """Hand on each complete new line that is a warning or an error."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.decode(errors="replace").splitlines():
            if _NOTABLE.search(line):
                notice(self._name, line.strip())


def last_lines(path: Path, count: int) -> tuple[str, ...]:
    """The last lines of a text file; none when it does not exist."""
    if not path.exists():
        return ()
    return tuple(path.read_text(errors="replace").splitlines()[-count:])
