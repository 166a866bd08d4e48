"""oda teach: the start of the episodes, and the inserted plug, from where the arm stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from oda_bringup.cli.console import say
from oda_bringup.cli.exits import Exit
from oda_core.files import write_atomic
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class TeachOptions:
    """Teach a robot where its episodes start, or where its plug is inserted: where it stands now.

    start: bring the plug above its socket, free of contact, as high as it must be to move sideways;
    the TCP's z axis points into the socket. Resets pull the plug out to this height, then go to
    this pose and its hidden start noise. goal: bring the plug into its socket. An episode whose
    plug gets there is marked as a success; without a goal a person marks it. Both go into one file
    of ROS parameters, and what else it says stays.

    Example: oda teach start; oda teach goal; oda adapt --robot hardware --parameters fixture.yaml
    """

    what: Annotated[Literal["start", "goal"], tyro.conf.Positional] = setting(
        "start", "what is taught"
    )
    output: str = setting("fixture.yaml", "file to write, or to change")
    seconds: float = setting(1.0, "how long to measure [s]")

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ValueError(f"seconds: found {self.seconds}, expected more than 0")


def run(options: TeachOptions) -> int:
    """Measure and write."""
    from oda_bringup.domain import stay_on_this_host
    from oda_bringup.teaching import hear_states, is_outside_box, resting_pose, teach

    path = Path(options.output)
    stay_on_this_host()
    say(f"measuring for {options.seconds:g} s; keep the arm still")
    pose = resting_pose(hear_states(options.seconds))
    write_atomic(path, teach(path, options.what, pose))
    x, y, z = pose.position.tolist()
    say(f"{options.what} at x {x:.4f}, y {y:.4f}, z {z:.4f} m; use it with --parameters {path}")
    if is_outside_box(pose):
        say("this is outside of the arbiter's workspace box: widen limits.box_low_m and box_high_m")
    return Exit.OK
