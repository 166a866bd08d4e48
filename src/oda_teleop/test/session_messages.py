"""Serialized messages of episodes, for tests."""

from dataclasses import replace

import numpy as np

from oda_core import topics
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import EPISODE_TYPE, STEP_TYPE, event_to_msg, step_to_msg
from oda_core.se3 import Pose
from oda_core.types import EpisodeEvent, Event, Purpose, Source, StepData, TcpState
from oda_core.wire import encode_state

STEPS, SECOND = 20, 10**9


def event_cdr(event: EpisodeEvent) -> bytes:
    return bytes(typestore().serialize_cdr(event_to_msg(event, rosbags_class), EPISODE_TYPE))


def step_cdr(number: int, index: int, stamp_ns: int) -> bytes:
    zero = np.zeros(18, np.float32)
    step = StepData(stamp_ns=stamp_ns, session="s", episode_id=number, index=index,
                    observation=zero, next_observation=zero, action=np.full(6, 0.5, np.float32),
                    source=Source.HUMAN, reward=0.0, terminated=index == STEPS - 1,
                    truncated=False, policy_version=0)  # fmt: skip
    return bytes(typestore().serialize_cdr(step_to_msg(step, rosbags_class), STEP_TYPE))


def start_of(number: int, connector: str = "peg") -> EpisodeEvent:
    return EpisodeEvent(stamp_ns=(10 * number + 1) * SECOND, session="s", episode_id=number,
                        connector=connector, purpose=Purpose.DEMONSTRATION,
                        event=Event.START)  # fmt: skip


def messages(
    number: int, connector: str = "peg", event: Event = Event.SUCCESS, force_n: float = 8.0
) -> list[tuple[str, bytes]]:
    """Topic and content of those of one episode of two seconds."""
    start = start_of(number, connector)
    rows, first = [(topics.EPISODE, event_cdr(start))], start.stamp_ns
    for i in range(10 * STEPS + 1):
        wrench = np.array([0, 0, -force_n * max(0, i - 150) / 50, 0, 0, 0])
        state = TcpState(stamp_ns=first + i * SECOND // 100, pose=Pose.identity(),
                         twist=np.zeros(6), wrench=wrench, inserted=False)  # fmt: skip
        rows.append((topics.STATE, encode_state(state)))
        if i % 10 == 9:
            rows.append((topics.STEP, step_cdr(number, i // 10, state.stamp_ns)))
    end = replace(start, event=event, steps=STEPS, stamp_ns=first + 2 * SECOND)
    return [*rows, (topics.EPISODE, event_cdr(end))]
