"""Everything that was measured and commanded in one episode, for checks and pictures.

Shapes: N states, M commands, T steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import ContractError
from oda_core.messages import expect_frame
from oda_core.se3 import Pose, quat_conjugate, quat_from_rotvec, quat_rotate
from oda_core.spec import TaskSpec, to_twist
from oda_core.types import BASE_FRAME, TCP_FRAME, Episode, EpisodeEvent, Event
from oda_core.wire import LITTLE_ENDIAN, raw_stamp_ns, read_string

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


class States(NamedTuple):
    """Measured states in the order in which they came."""

    stamp_ns: Stamps  # (N,)
    position: Floats  # (N, 3) TCP in the base frame [m]
    quaternion: Floats  # (N, 4) xyzw
    twist: Floats  # (N, 6) TCP frame [m/s, rad/s]
    wrench: Floats  # (N, 6) TCP frame [N, Nm]

    @property
    def size(self) -> int:
        """How many."""
        return len(self.stamp_ns)

    def part(self, chosen: NDArray[np.bool_]) -> "States":
        """The states that a mask (N,) chooses."""
        return States(
            self.stamp_ns[chosen],
            self.position[chosen],
            self.quaternion[chosen],
            self.twist[chosen],
            self.wrench[chosen],
        )


class Commands(NamedTuple):
    """Executed twists in the order in which they came."""

    stamp_ns: Stamps  # (M,)
    twist: Floats  # (M, 6) TCP frame [m/s, rad/s]

    @property
    def size(self) -> int:
        """How many."""
        return len(self.stamp_ns)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One episode as it was measured.

    Attributes:
        end: its end event; the START event of an episode that was cut off.
        start_ns: stamp of its START.
        states: between START and end.
        commands: between START and end.
        actions: (T, 6) of its steps, in [-1, 1].
        sources: (T,) who acted, values of types.Source.
        timed: stamps are measured; false for episodes of buffers, which keep none.
        damaged: messages that were left out, one sentence each.
        discarded: why a person took it back; empty if nobody did.
    """

    end: EpisodeEvent
    start_ns: int
    states: States
    commands: Commands
    actions: NDArray[np.float32]
    sources: NDArray[np.uint8]
    timed: bool = True
    damaged: tuple[str, ...] = ()
    discarded: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """Session and number."""
        return self.end.session, self.end.episode_id

    @property
    def finished(self) -> bool:
        """It has an end."""
        return self.end.event is not Event.START

    @property
    def success(self) -> bool:
        """The connector was inserted."""
        return self.end.event is Event.SUCCESS

    @property
    def time_s(self) -> Floats:
        """(N,) of the states since START [s]."""
        return np.multiply(self.states.stamp_ns - self.start_ns, 1e-9, dtype=np.float64)

    @property
    def command_s(self) -> Floats:
        """(M,) of the commands since START [s]."""
        return np.multiply(self.commands.stamp_ns - self.start_ns, 1e-9, dtype=np.float64)

    @property
    def force_n(self) -> Floats:
        """(N,) measured |force| [N]."""
        return np.linalg.norm(self.states.wrench[:, :3], axis=1)

    @property
    def duration_s(self) -> float:
        """From START to the last state [s]."""
        return float(self.time_s.max()) if self.states.size else 0.0


def stack_states(cdrs: Sequence[bytes]) -> States:
    """Serialized oda_msgs/TcpState messages as arrays.

    Raises:
        ContractError: one is cut off, in another frame or byte order.
    """
    numbers = _table(cdrs, (BASE_FRAME, TCP_FRAME), 19)
    return States(
        _stamps(cdrs), numbers[:, :3], numbers[:, 3:7], numbers[:, 7:13], numbers[:, 13:19]
    )


def stack_twists(cdrs: Sequence[bytes]) -> Commands:
    """Serialized geometry_msgs/TwistStamped messages in the TCP frame as arrays.

    Raises:
        ContractError: one is cut off, in another frame or byte order.
    """
    numbers = _table(cdrs, (TCP_FRAME,), 6)
    return Commands(_stamps(cdrs), numbers)


def trace_of(episode: Episode, spec: TaskSpec | None = None) -> Trace:
    """What an episode of a buffer tells: a state per step, with stamps as they should have been."""
    spec = spec or TaskSpec()
    raw = episode.observations.astype(np.float64) * spec.observation_scale  # (T + 1, 18)
    start, count = episode.end.start_pose, len(episode)
    rows = [_measured(row, start) for row in raw]
    start_ns = episode.end.stamp_ns - count * spec.period_ns
    stamps = start_ns + np.arange(count + 1, dtype=np.int64) * spec.period_ns
    return Trace(
        end=replace(episode.end, steps=count),
        start_ns=start_ns,
        states=States(stamps, *(np.stack(column) for column in zip(*rows, strict=True))),
        commands=Commands(stamps[:-1], np.stack([to_twist(a, spec) for a in episode.actions])),
        actions=episode.actions,
        sources=episode.sources,
        timed=False,
    )


def _measured(row: Floats, start: Pose) -> tuple[Floats, Floats, Floats, Floats]:
    """Position, quaternion, twist and wrench of an unscaled observation (18,)."""
    turn = quat_from_rotvec(row[3:6])
    pose = start.compose(Pose(row[:3], turn))
    back = quat_conjugate(turn)
    turned = [quat_rotate(back, row[i : i + 3]) for i in (6, 9, 12, 15)]
    return pose.position, pose.quaternion, np.concatenate(turned[:2]), np.concatenate(turned[2:])


def _stamps(cdrs: Sequence[bytes]) -> Stamps:
    return np.array([raw_stamp_ns(cdr) for cdr in cdrs], np.int64)


def _table(cdrs: Sequence[bytes], frames: tuple[str, ...], count: int) -> Floats:
    """The doubles (len, count) that follow the stamp and the frames of serialized messages."""
    if not cdrs:
        return np.zeros((0, count))
    start = _check(cdrs[0], frames)
    size = start + 8 * count
    heads = {cdr[12:start] for cdr in cdrs}
    whole = all(len(cdr) >= size and cdr[:2] == LITTLE_ENDIAN[:2] for cdr in cdrs)
    if len(heads) > 1 or not whole:
        for cdr in cdrs:
            _check(cdr, frames)
        raise ContractError(
            f"{frames[-1]}: found messages of {min(map(len, cdrs))} bytes, expected at least "
            f"{size}: one is cut off"
        )
    joined = b"".join(cdr[start:size] for cdr in cdrs)
    return np.frombuffer(joined, "<f8").reshape(-1, count)


def _check(cdr: bytes, frames: tuple[str, ...]) -> int:
    """Where the numbers of a message begin."""
    position = 12
    try:
        for expected in frames:
            found, position = read_string(cdr, position)
            expect_frame("message", found, expected)
    except ValueError as error:
        raise ContractError(f"message: found {len(cdr)} bytes, which is cut off") from error
    return 4 + -(-(position - 4) // 8) * 8
