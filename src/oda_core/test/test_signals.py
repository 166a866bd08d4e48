"""Sampled signals: exact on what is linear in time, causal, whatever the order of arrival."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oda_core.bagfile import Batch
from oda_core.errors import BagError, ContractError
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import header, pose_to_msg, twist_stamped
from oda_core.se3 import Pose, exp, log
from oda_core.signals import Fields, Signal

TWIST_NAMES = tuple(f"twist.{part}.{axis}" for part in ("linear", "angular") for axis in "xyz")
POSE_NAMES = (
    *(f"pose.position.{a}" for a in "xyz"), *(f"pose.orientation.{a}" for a in "xyzw"),
)  # fmt: skip


def batch(messages: list[object], first: int = 0) -> Batch:
    kind = messages[0].__msgtype__
    cdrs = [bytes(typestore().serialize_cdr(m, kind)) for m in messages]
    return Batch(Path("bag"), "/topic", kind, first, list(range(len(cdrs))), cdrs)


def twists(stamps: list[int]) -> Signal:
    """A signal whose value is its stamp."""
    signal = Signal("/topic", Fields(TWIST_NAMES, "header", "oda_tcp", np.ones(6)))
    half = len(stamps) // 2 or 1
    for first, part in ((0, stamps[:half]), (half, stamps[half:])):
        if part:
            rows = [twist_stamped(s, np.full(6, float(s)), rosbags_class) for s in part]
            signal.push(batch(rows, first))
    return signal


stamps = st.lists(st.integers(0, 150_000_000), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(stamps=stamps, at=st.integers(0, 150_000_000), span=st.integers(1, 50_000_000))
def test_values_are_those_of_the_past(stamps: list[int], at: int, span: int) -> None:
    """Every query against its definition; stamps come in any order within 0.5 s."""
    signal = twists(stamps)
    past = sorted(s for s in set(stamps) if s <= at)
    assert signal.newest_ns == max(stamps)
    if not past:
        with pytest.raises(ContractError, match="no message before"):
            signal.stamp_at(at, 10**12)
        return
    assert signal.stamp_at(at, 10**12) == past[-1] == signal.latest(at)[0]
    window = [s for s in past if s > at - span]
    mean = signal.mean(at - span, at)
    assert (mean is None) == (not window)
    if window and mean is not None:
        assert mean[0] == pytest.approx(np.mean(window))
    inside = max(past[0], min(at, past[-1]))
    assert signal.linear(inside)[0] == pytest.approx(inside, abs=1e-3)
    before = [s for s in past if s < at]
    expected = next((s for s in before if s >= at - span), before[-1] if before else None)
    assert signal.earlier(at, span) == expected


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), fraction=st.floats(0, 1))
def test_a_screw_motion_is_interpolated_exactly(seed: int, fraction: float) -> None:
    rng = np.random.default_rng(seed)
    begin, twist = exp(rng.uniform(-1, 1, 6)), rng.uniform(-1, 1, 6)
    kind = rosbags_class("geometry_msgs/msg/PoseStamped")
    rows = []
    for i in range(3):
        pose = begin.compose(exp(twist * i))
        sign = rng.choice([-1.0, 1.0])  # both quaternions of one rotation
        pose = Pose(pose.position, sign * pose.quaternion)
        head = header(i * 1_000_000, "base", rosbags_class)
        rows.append(kind(header=head, pose=pose_to_msg(pose, rosbags_class)))
    signal = Signal("/topic", Fields(POSE_NAMES, "header", "base", np.ones(7)))
    signal.push(batch(rows))
    at = round(fraction * 2_000_000)
    truth = begin.compose(exp(twist * at / 1_000_000))
    np.testing.assert_allclose(log(signal.pose(at).relative_to(truth)), 0, atol=1e-7)


def test_forgetting_keeps_what_is_needed() -> None:
    signal = twists([0, 10, 20, 30, 40])
    signal.drop_before(25)
    assert signal.first_from(0) == 20 and signal.latest(27)[0] == 20
    signal.drop_before(10**9)
    assert signal.stamp_at(10**9, 10**9) == 40


def test_silence_and_jumps_are_named() -> None:
    signal = twists([0, 10_000_000])
    with pytest.raises(ContractError, match=r"/topic is silent after message 1 \(stamp 10000000"):
        signal.stamp_at(400_000_000, 250_000_000)
    assert twists([0, 10, 900_000_000, 910_000_000]).gaps(500_000_000) == [10]
    with pytest.raises(BagError, match=r"message 1 .* jumps back from 900000000 to 100000000 ns"):
        twists([900_000_000, 100_000_000])
