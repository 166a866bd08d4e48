"""oda record: a guided session of demonstrations, recorded from the graph that runs."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oda_bringup.cli.console import OUT, say
from oda_bringup.cli.exits import Exit
from oda_core.errors import SessionError
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Record demonstrations from the robot or simulation that runs, one session per connector.

    Waits for the topics and names those that are silent, says which demonstration is due, judges
    each at its end and stops when enough are fit to learn from. Keys: d discards the last, p
    pauses, r resumes, q ends. Output: a session directory with bag/ and episodes.json, which oda
    inspect, convert and adapt read. A kill or a full disk loses at most half a second.

    Example: oda record --connector my-plug --demonstrations 20 --output runs/my-demos
    """

    connector: str = setting("", "name of the only connector to record; empty: that of the first")
    demonstrations: int = setting(20, "demonstrations fit to learn from; 0: until q or Ctrl-C")
    output: str = setting("", "session directory; empty: runs/recording-DATE-TIME")
    required: tuple[str, ...] = setting((), "more topics that must not be silent")
    keep_bad: bool = setting(False, "leave demonstrations in that are not fit to learn from")

    def __post_init__(self) -> None:
        if self.demonstrations < 0:
            raise ValueError(f"demonstrations: found {self.demonstrations}, expected 0 or more")


def run(options: RecordOptions) -> int:
    """Record until enough is there."""
    from oda_bringup.domain import stay_on_this_host
    from oda_bringup.recording import GuidedRecorder
    from oda_core.ros.main import run as run_node

    directory = _new_directory(options.output)
    stay_on_this_host()
    code = run_node(lambda: GuidedRecorder(parameters(options, directory)))
    OUT.print(f"session {directory}; look at it with: oda inspect {directory}", markup=False)
    return Exit(code) if code in set(Exit) else Exit.NODE_DIED


def parameters(options: RecordOptions, directory: Path) -> dict[str, object]:
    """ROS parameters of the recorder."""
    from oda_teleop.ros.recorder_node import REQUIRED

    return {
        "output": str(directory / "bag"),
        "ledger": str(directory / "episodes.json"),
        "connector": options.connector,
        "demonstrations": options.demonstrations,
        "required": [*REQUIRED, *options.required],
        "discard_bad": not options.keep_bad,
    }


def _new_directory(output: str) -> Path:
    path = Path(output) if output else Path("runs", f"recording-{datetime.now():%Y%m%d-%H%M%S}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SessionError(f"{path}: exists already and is not empty; choose another output")
    path.mkdir(parents=True, exist_ok=True)
    say(f"recording into {path}; keys: d discards the last, p pauses, r resumes, q ends")
    return path.resolve()
