"""The buffers of a directory as training tasks."""

from pathlib import Path

from oda_core.errors import BufferFileError
from oda_policy.buffer import DEMONSTRATIONS, OFFLINE, buffer_sha256, data_file, read_buffer
from oda_policy.tasks import TaskData


def find_tasks(root: Path) -> list[Path]:
    """Connector directories with a buffer of demonstrations and one of offline episodes.

    Raises:
        BufferFileError: there is none.
    """
    both = [
        path
        for path in sorted(p for p in root.glob("*") if p.is_dir())
        if all(data_file(path / kind).exists() for kind in (DEMONSTRATIONS, OFFLINE))
    ]
    if not both:
        raise BufferFileError(
            f"{root}: found no connector with {DEMONSTRATIONS}/ and {OFFLINE}/; make them with "
            "oda convert"
        )
    return both


def load_task(path: Path) -> TaskData:
    """All episodes of one connector.

    Raises:
        BufferFileError: a buffer is damaged.
    """
    demos, offline = path / DEMONSTRATIONS, path / OFFLINE
    return TaskData(
        name=path.name,
        demos=read_buffer(demos),
        offline=read_buffer(offline),
        sha256=f"{buffer_sha256(demos)}+{buffer_sha256(offline)}",
    )
