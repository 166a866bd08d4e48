"""What comes into the arbiter, what leaves it, and its states and settings."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from oda_core.settings import setting
from oda_core.types import Source
from oda_teleop.limits import Twist


class Safety(IntEnum):
    """State of the arbiter; values as in oda_msgs/SafetyState."""

    IDLE = 0
    ACTIVE = 1
    HOLD = 2
    RETRACT = 3
    ABORT = 4


@dataclass(frozen=True, kw_only=True)
class ArbiterConfig:
    """Times and rules of the arbiter."""

    lockstep: bool = setting(
        False, "The receiver stands still while it waits: the watchdog runs on ROS time"
    )
    stale_s: float = setting(
        0.25, "Age of stamps and of the newest command that is too old [s]", bounds=(0.02, 5.0)
    )
    abort_s: float = setting(
        1.0, "Time without a command that aborts an episode [s]", bounds=(0.05, 60.0)
    )
    stuck_s: float = setting(
        0.25,
        "Time after which a wrench that does not change at all is of a stuck sensor [s]; 0: never",
        bounds=(0.0, 10.0),
    )
    require_episode: bool = setting(True, "Refuse policy commands outside of an episode")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A commanded twist."""

    stamp_ns: int  # of the state that it acts on
    frame: str
    twist: Twist
    source: Source


@dataclass(frozen=True, kw_only=True)
class Executed:
    """A twist that goes to the robot."""

    stamp_ns: int
    twist: Twist
    source: Source
    limited: bool


REST = Executed(stamp_ns=0, twist=np.zeros(6), source=Source.POLICY, limited=False)
