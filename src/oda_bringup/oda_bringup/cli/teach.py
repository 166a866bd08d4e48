"""oda teach: the start of the episodes, from where the arm stands."""

from dataclasses import dataclass
from pathlib import Path

from oda_bringup.cli.console import say
from oda_bringup.cli.exits import Exit
from oda_core.errors import SessionError
from oda_core.files import write_atomic
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class TeachOptions:
    """Teach a robot the start of its episodes: the pose at which it stands now.

    Bring the plug above its socket by hand guiding or teleoperation, free of contact, as high as it
    must be to move sideways; the TCP's z axis points into the socket. Resets pull the plug out to
    this height, then go to this pose and its hidden start noise. Output: a file of ROS parameters.

    Example: oda teach --output start.yaml, then oda adapt --robot hardware --parameters start.yaml
    """

    output: str = setting("start.yaml", "file to write")
    seconds: float = setting(1.0, "how long to measure [s]")
    overwrite: bool = setting(False, "replace the file if it exists")

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ValueError(f"seconds: found {self.seconds}, expected more than 0")


def run(options: TeachOptions) -> int:
    """Measure and write."""
    from oda_bringup.domain import stay_on_this_host
    from oda_bringup.teaching import hear_states, outside_box, parameter_file, start_of

    path = Path(options.output)
    if path.exists() and not options.overwrite:
        raise SessionError(f"{path}: exists already; choose another output, or add --overwrite")
    stay_on_this_host()
    say(f"measuring for {options.seconds:g} s; keep the arm still")
    start = start_of(hear_states(options.seconds))
    write_atomic(path, parameter_file(start))
    x, y, z = start.position_m
    say(f"start at x {x:.4f}, y {y:.4f}, z {z:.4f} m; use it with --parameters {path}")
    if outside_box(start):
        say("this is outside of the arbiter's workspace box: widen limits.box_low_m and box_high_m")
    return Exit.OK
