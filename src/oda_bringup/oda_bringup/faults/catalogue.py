"""The faults: what is done to the running graph, and what it must answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from oda_bringup.faults import tampering
from oda_bringup.faults.tampering import Tamper

REST_S = 0.25  # the set-point stands still this long after the last good command
ARM_S = 0.15  # that the arm itself takes to follow its set-point
HEARD_S = 0.1  # between a fault and the next message of a stream of 10 Hz
WATCH_S = 0.02  # period of the arbiter's watchdog

Reaction = Literal["stops", "goes on", "never begins"]
Stream = Literal["twist", "state", "weights"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault and the answer to it.

    What must hold for every answer: the force stays below its limit, and what is stored is sound.
    stops: at rest in time, no motion until a person acts, and nothing of the episode is stored.
    goes on: within all limits, to the end of the episode.
    never begins: no motion at all.
    """

    name: str
    what: str
    reaction: Reaction = "stops"
    rest_s: float = REST_S + ARM_S  # from the fault to rest
    stream: Stream | None = None  # that is tampered with
    tamper: Callable[[], Tamper] | None = None  # makes a fresh one
    kill: str = ""  # node
    freeze: str = ""  # node, for a while
    special: Literal["", "clock", "human", "overload", "network"] = ""
    stored: bool = False  # the episode is good data
    reason: str = ""  # words that must stand in a reason on /oda/safety


def _twist(name: str, what: str, tamper: Tamper, words: str, **changes: object) -> Fault:
    return Fault(
        name=name, what=what, stream="twist", tamper=lambda: tamper, reason=words, **changes
    )  # type: ignore[arg-type]


FAULTS = (
    Fault(name="policy-killed", what="policy node killed", kill="policy", reason="no command"),
    Fault(
        name="policy-frozen", what="policy node frozen, then awake again", freeze="policy",
        reason="no command",
    ),
    Fault(
        name="trainer-killed", what="trainer node killed", kill="trainer", reaction="goes on",
    ),
    Fault(name="arbiter-killed", what="arbiter killed, then started again", kill="arbiter"),
    Fault(
        name="arbiter-frozen", what="arbiter frozen, then awake again", freeze="arbiter",
        reason="no command",
    ),
    Fault(
        name="adapt-killed", what="owner of the episode killed", kill="adapt", reaction="goes on",
        reason="no command",
    ),
    _twist("twists-lost", "policy's twists lost", tampering.drop, "no command"),
    _twist("twists-stale", "policy's twists one second old", tampering.aged, "s old"),
    _twist(
        "twists-doubled", "policy's twists three times each", tampering.duplicate, "",
        reaction="goes on", stored=True,
    ),
    Fault(
        name="twists-reordered", what="policy's twists in the wrong order", stream="twist",
        tamper=tampering.swapped, reason="before the last accepted one",
        rest_s=2 * HEARD_S + REST_S + ARM_S,
    ),
    _twist("twists-nan", "a value of the policy's twists is NaN", tampering.not_a_number, "finite"),
    _twist("twists-frame", "policy's twists in the base frame", tampering.in_base_frame, "frame"),
    _twist(
        "twists-fast", "policy's twists 20 times as fast", tampering.too_fast, "limited by speed",
        reaction="goes on", stored=True,
    ),
    _twist(
        "workspace", "policy leaves the workspace box", tampering.rising, "workspace box",
        reaction="goes on", stored=True,
    ),
    Fault(
        name="clock-jump", what="ROS time jumps by 10 s", special="clock", reason="jumped",
        rest_s=2 * WATCH_S + ARM_S + HEARD_S,
    ),
    Fault(
        name="state-lost", what="/oda/state lost", stream="state", tamper=lambda: tampering.drop,
        reason="no ",
    ),
    Fault(
        name="wrench-spike", what="wrench sensor shows 400 N for 50 ms", stream="state",
        tamper=tampering.spike, reason="wrench far above", rest_s=2 * WATCH_S + ARM_S + HEARD_S,
    ),
    Fault(
        name="wrench-stuck", what="wrench sensor stuck", stream="state", tamper=tampering.stuck,
        reason="not a digit", rest_s=REST_S + 2 * WATCH_S + ARM_S + HEARD_S,
    ),
    Fault(
        name="overload", what="pushing on above a wrench limit of 50 N", special="overload",
        reason="wrench limit exceeded", rest_s=1.0 + REST_S + ARM_S,
    ),
    Fault(
        name="human-takes-over", what="operator takes over in contact, then lets go",
        special="human", reaction="goes on", stored=True, reason="human commands",
    ),
    Fault(
        name="weights-damaged", what="weights message damaged on the way", stream="weights",
        tamper=lambda: tampering.damaged_weights, reaction="never begins",
    ),
    Fault(
        name="network-cut", what="network between policy's and robot's host cut, then mended",
        special="network", reason="no command",
    ),
)  # fmt: skip
