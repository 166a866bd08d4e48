"""A session records one connector in the right frames and counts what is fit to learn from."""

import json

import pytest
from session_messages import messages

from oda_core import topics
from oda_core.errors import ContractError
from oda_core.interfaces import typestore
from oda_core.messages import EPISODE_TYPE, event_from_msg
from oda_core.types import Event
from oda_teleop.guide import Guide


def feed(guide: Guide, rows: list[tuple[str, bytes]]) -> set[str]:
    return {why for topic, cdr in rows if (why := guide.admit(topic, cdr))}


def test_good_episodes_count_up_to_the_goal() -> None:
    guide = Guide(goal=2)
    assert guide.title == "demonstration 1 of 2, connector not known yet"
    for number, event in enumerate([Event.SUCCESS, Event.TIMEOUT, Event.SUCCESS]):
        assert feed(guide, messages(number, event=event)) == set()
        assert guide.settle() == [number] and guide.settle() == []
    assert [e.level for e in guide.episodes] == ["good", "bad", "good"]
    assert guide.kept == 2 and guide.complete and guide.connector == "peg"
    ledger = json.loads(guide.ledger())
    assert ledger["kept"] == 2 and ledger["episodes"][0]["peak_force_n"] == 8.0


def test_a_demonstration_without_contact_does_not_count() -> None:
    guide = Guide(goal=1)
    feed(guide, messages(0, force_n=0.2))
    guide.settle()
    assert guide.episodes[0].success and not guide.episodes[0].counts and not guide.complete


def test_an_end_and_a_start_at_once_lose_no_episode() -> None:
    guide = Guide()
    feed(guide, messages(0) + messages(1) + messages(2)[:-1])
    assert guide.settle() == [0, 1] and guide.running is not None


def test_another_connector_is_not_recorded_and_the_next_right_one_is() -> None:
    guide = Guide("peg")
    (why,) = feed(guide, messages(0, "usb"))
    assert "usb" in why and "session of peg" in why
    assert guide.settle() == [] and guide.running is None
    assert feed(guide, messages(1)) == set() and guide.settle() == [0]


@pytest.mark.parametrize("topic", [topics.STATE, topics.STEP, topics.EPISODE])
@pytest.mark.parametrize("frame", [b"", b"tool0", b"oda_tcpp", b"ODA_TCP"])
def test_another_frame_is_not_recorded(topic: str, frame: bytes) -> None:
    cdr = next(cdr for t, cdr in messages(0) if t == topic)
    size = int.from_bytes(cdr[12:16], "little")
    bad = cdr[:12] + (len(frame) + 1).to_bytes(4, "little") + frame + b"\0" + cdr[16 + size :]
    guide = Guide()
    assert guide.admit(topic, cdr) == "" and "not in the frame" in guide.admit(topic, bad)
    assert guide.admit(topic, b"") != ""


def test_the_last_is_taken_back_then_the_one_before() -> None:
    guide = Guide(goal=3)
    feed(guide, messages(0) + messages(1))
    guide.settle()
    for number in (1, 0):
        mark = guide.discard(guide.last())
        event = event_from_msg(typestore().deserialize_cdr(mark, EPISODE_TYPE))
        assert (event.episode_id, event.event) == (number, Event.ABORT)
    assert guide.kept == 0
    with pytest.raises(ContractError, match="no episode to discard"):
        guide.last()
    feed(guide, messages(2)[:-1])
    with pytest.raises(ContractError, match="end it first"):
        guide.last()


def test_a_pause_waits_for_the_end_and_records_nothing() -> None:
    guide = Guide()
    feed(guide, messages(0)[:-1])
    assert "end it first" in guide.pause() and not guide.paused
    feed(guide, messages(0)[-1:])
    assert guide.pause() == "" and feed(guide, messages(1)) == {"paused"}
    guide.resume()
    assert feed(guide, messages(2)) == set()
    assert len(guide.settle()) == 2 and guide.kept == 2
