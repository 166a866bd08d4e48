"""Messages become episodes, however late the last ones come; buffers tell the same."""

from pathlib import Path

import numpy as np
import pytest

from oda_core import topics
from oda_core.bag import BagReport, BagWriter, read_episodes
from oda_core.discards import read_discards
from oda_core.errors import BagError, ContractError
from oda_core.gather import Gatherer, read_traces
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import EPISODE_TYPE, STEP_TYPE, event_to_msg, step_to_msg, twist_stamped
from oda_core.se3 import Pose, quat_from_rotvec
from oda_core.spec import TaskSpec, observe
from oda_core.trace import stack_states, stack_twists, trace_of
from oda_core.types import EpisodeEvent, Event, Purpose, Source, StepData, TcpState
from oda_core.wire import encode_state

PERIOD_NS, STEPS = 10**8, 5


def states(first_ns: int, count: int = 51) -> list[TcpState]:
    rng = np.random.default_rng(first_ns % 2**32)
    return [
        TcpState(
            stamp_ns=first_ns + i * 10**7,
            pose=Pose(rng.normal(size=3), quat_from_rotvec(rng.normal(size=3))),
            twist=rng.normal(size=6), wrench=rng.normal(size=6), inserted=False,
        )
        for i in range(count)
    ]  # fmt: skip


def messages(number: int) -> tuple[list[tuple[str, bytes]], list[TcpState]]:
    """Serialized messages of one episode in order, and its states."""
    store, spec, first = typestore(), TaskSpec(), (number + 1) * 10**10
    measured = states(first)
    start = EpisodeEvent(stamp_ns=first, session="s", episode_id=number, connector="peg",
                         purpose=Purpose.DEMONSTRATION, event=Event.START,
                         start_pose=measured[0].pose)  # fmt: skip
    end = EpisodeEvent(**{**vars(start), "event": Event.SUCCESS, "steps": STEPS,
                          "stamp_ns": measured[-1].stamp_ns})  # fmt: skip

    def event(value: EpisodeEvent) -> bytes:
        return bytes(store.serialize_cdr(event_to_msg(value, rosbags_class), EPISODE_TYPE))

    rows = [(topics.EPISODE, event(start))]
    rows += [(topics.STATE, encode_state(state)) for state in measured]
    for i in range(STEPS):
        tick, following = measured[10 * i], measured[10 * i + 10]
        step = StepData(stamp_ns=tick.stamp_ns, session="s", episode_id=number, index=i,
                        observation=observe(tick, start.start_pose, spec),
                        next_observation=observe(following, start.start_pose, spec),
                        action=np.full(6, 0.1 * i, np.float32), source=Source.HUMAN,
                        reward=float(i == STEPS - 1), terminated=i == STEPS - 1, truncated=False,
                        policy_version=0)  # fmt: skip
        twist = twist_stamped(tick.stamp_ns, np.full(6, 0.1 * i), rosbags_class)
        cdr = store.serialize_cdr(twist, "geometry_msgs/msg/TwistStamped")
        rows.append((topics.COMMAND, bytes(cdr)))
        rows.append((topics.STEP, bytes(store.serialize_cdr(step_to_msg(step, rosbags_class),
                                                            STEP_TYPE))))  # fmt: skip
    rows.append((topics.EPISODE, event(end)))
    return rows, measured


def test_messages_before_start_and_after_end_belong_to_the_episode() -> None:
    rows, measured = messages(0)
    early, late = rows[1:4], rows[-8:-1]
    gatherer = Gatherer()
    for topic, cdr in [*early, rows[0], *rows[4:-8], rows[-1], *late]:
        assert gatherer.add(topic, cdr) is None
    assert gatherer.pending and gatherer.running is None
    trace = gatherer.settle()
    assert trace is not None and trace.success and not trace.damaged
    assert np.array_equal(trace.states.stamp_ns, [s.stamp_ns for s in measured])
    assert np.array_equal(trace.states.wrench, [s.wrench for s in measured])
    assert len(trace.actions) == trace.commands.size == STEPS
    assert gatherer.settle() is None


def test_a_start_finishes_the_episode_before_it() -> None:
    gatherer = Gatherer()
    found = [gatherer.add(*row) for number in range(3) for row in messages(number)[0]]
    traces = [trace for trace in (*found, gatherer.settle()) if trace is not None]
    assert [trace.key for trace in traces] == [("s", 0), ("s", 1), ("s", 2)]
    assert {trace.states.size for trace in traces} == {51}


def test_idle_hours_take_no_memory() -> None:
    gatherer = Gatherer()
    cdr = encode_state(states(0, 1)[0])
    for _ in range(10_000):
        gatherer.add(topics.STATE, cdr)
    assert len(gatherer._states) < 5_000


def test_a_bag_gives_its_traces_with_those_cut_off_and_taken_back(tmp_path: Path) -> None:
    types = {topics.EPISODE: EPISODE_TYPE, topics.DISCARD: EPISODE_TYPE, topics.STEP: STEP_TYPE,
             topics.STATE: "oda_msgs/msg/TcpState",
             topics.COMMAND: "geometry_msgs/msg/TwistStamped"}  # fmt: skip
    rows = [row for number in range(3) for row in messages(number)[0]][:-1]
    mark = EpisodeEvent(stamp_ns=1, session="s", episode_id=0, connector="peg",
                        purpose=Purpose.DEMONSTRATION, event=Event.ABORT,
                        reason="by the operator")  # fmt: skip
    cdr = bytes(typestore().serialize_cdr(event_to_msg(mark, rosbags_class), EPISODE_TYPE))
    rows.insert(80, (topics.DISCARD, cdr))
    with BagWriter(tmp_path / "bag") as bag:
        for at_ns, (topic, data) in enumerate(rows):
            bag.write_raw(topic, types[topic], data, at_ns)
    traces = list(read_traces(tmp_path / "bag"))
    assert [trace.discarded for trace in traces] == ["by the operator", "", ""]
    assert read_discards(tmp_path / "bag") == {("s", 0): "by the operator"}
    assert [trace.finished for trace in traces] == [True, True, False]
    report = BagReport()
    (kept,) = read_episodes(tmp_path / "bag", report)
    assert kept.end.episode_id == 1 and "discarded by the operator" in report.dropped[0]
    again = trace_of(kept)
    np.testing.assert_allclose(again.states.position, traces[1].states.position[::10], atol=1e-7)
    np.testing.assert_allclose(again.states.wrench, traces[1].states.wrench[::10], atol=1e-5)
    np.testing.assert_allclose(again.states.twist, traces[1].states.twist[::10], atol=1e-6)


def test_a_state_of_another_frame_or_without_a_value_is_named() -> None:
    rows, _ = messages(0)
    bad = rows[5][1].replace(b"oda_tcp", b"tool0_\0")
    gatherer = Gatherer()
    for topic, cdr in [*rows[:5], (topics.STATE, bad), *rows[6:]]:
        gatherer.add(topic, cdr)
    trace = gatherer.settle()
    assert trace is not None and "expected 'oda_tcp'" in trace.damaged[0]

    whole = bytearray(rows[5][1])
    whole[-17:-9] = np.array([np.nan]).tobytes()
    gatherer = Gatherer()
    for topic, cdr in [*rows[:5], (topics.STATE, bytes(whole)), *rows[6:]]:
        gatherer.add(topic, cdr)
    trace = gatherer.settle()
    assert trace is not None and trace.states.size == 50 and "not finite" in trace.damaged[0]


@pytest.mark.parametrize("size", [0, 3, 11, 17, 40, 150])
def test_cut_off_messages_are_refused(size: int) -> None:
    cdr = encode_state(states(0, 1)[0])
    for stack in (stack_states, stack_twists):
        with pytest.raises(ContractError):
            stack([cdr[:size]])
    with pytest.raises(ContractError):
        stack_states([cdr, cdr[:size]])


def test_a_foreign_bag_is_refused_with_its_topics(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_raw(topics.STATE, "oda_msgs/msg/TcpState", encode_state(states(0, 1)[0]), 0)
    with pytest.raises(BagError, match="has no /oda/episode"):
        list(read_traces(tmp_path / "bag"))
    with pytest.raises(BagError, match="oda repair"):
        list(read_traces(tmp_path))
