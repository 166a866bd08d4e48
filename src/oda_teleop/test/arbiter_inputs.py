"""What the tests of the arbiter give it."""

import numpy as np

from oda_core.se3 import Pose
from oda_core.types import EpisodeEvent, Event, Purpose, Source, TcpState
from oda_teleop.arbiter import Arbiter
from oda_teleop.commands import ArbiterConfig, Executed, Request
from oda_teleop.limits import Limits

MS = 1_000_000
PUSH = np.array([0.0, 0.0, 0.02, 0.0, 0.0, 0.1])
T0 = 10_000 * MS


def make_state(stamp_ns: int, force: float = 0.0) -> TcpState:
    return TcpState(
        stamp_ns=stamp_ns,
        pose=Pose(np.array([0.55, 0.0, 0.15]), np.array([0.0, 1.0, 0.0, 0.0])),
        twist=np.zeros(6),
        wrench=np.array([0.0, 0.0, -force, 0.0, 0.0, 0.0]),
        inserted=False,
    )


def event(kind: Event = Event.START, stamp_ns: int = T0) -> EpisodeEvent:
    return EpisodeEvent(stamp_ns=stamp_ns, session="s", episode_id=1, connector="peg",
                        purpose=Purpose.TRAINING, event=kind)  # fmt: skip


def request(stamp_ns: int = T0, source: Source = Source.POLICY, **changes: object) -> Request:
    values: dict = {
        "frame": "oda_tcp",
        "twist": PUSH.copy(),
        "stamp_ns": stamp_ns,
        "source": source,
    }
    return Request(**(values | changes))


def make(**config: object) -> Arbiter:
    arbiter = Arbiter(ArbiterConfig(**config), Limits())  # type: ignore[arg-type]
    arbiter.episode(event())
    return arbiter


def give(arbiter: Arbiter, what: Request, now: int | None = None, force: float = 0.0):
    now = what.stamp_ns if now is None else now
    return arbiter.command(what, now, now, make_state(now, force))


def watch_until(arbiter: Arbiter, start_ms: int, end_ms: int, step_ms: int = 20) -> list[Executed]:
    sent = [arbiter.watch(T0 + t * MS, T0 + t * MS) for t in range(start_ms, end_ms, step_ms)]
    return [executed for executed in sent if executed is not None]
