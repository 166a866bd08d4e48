"""The direct encoding agrees with rosbags' generic one, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oda_core.errors import ContractError
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import STATE_TYPE, state_to_msg
from oda_core.se3 import Pose, quat_from_rotvec
from oda_core.types import TcpState
from oda_core.wire import decode_state, encode_state, raw_stamp_ns


def make_state(seed: int) -> TcpState:
    rng = np.random.default_rng(seed)
    return TcpState(
        stamp_ns=int(rng.integers(2**60)),
        pose=Pose(rng.normal(size=3), quat_from_rotvec(rng.normal(size=3))),
        twist=rng.normal(size=6),
        wrench=rng.normal(size=6) * 50,
        inserted=bool(rng.integers(2)),
    )


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_bytes_are_those_of_the_generic_serializer(seed: int) -> None:
    state = make_state(seed)
    cdr = encode_state(state)
    message = state_to_msg(state, rosbags_class)
    assert cdr == bytes(typestore().serialize_cdr(message, STATE_TYPE))
    back = decode_state(cdr)
    assert (back.stamp_ns, back.inserted) == (state.stamp_ns, state.inserted)
    assert raw_stamp_ns(cdr) == state.stamp_ns
    for name in ("twist", "wrench"):
        assert np.array_equal(getattr(back, name), getattr(state, name))
    assert np.array_equal(np.concatenate(back.pose), np.concatenate(state.pose))


@settings(deadline=None)
@given(base=st.text(max_size=12), tcp=st.text(max_size=12))
def test_other_frames_are_named(base: str, tcp: str) -> None:
    message = state_to_msg(make_state(0), rosbags_class)
    message.header.frame_id, message.tcp_frame_id = base, tcp
    cdr = bytes(typestore().serialize_cdr(message, STATE_TYPE))
    if (base, tcp) != ("oda_base", "oda_tcp"):
        with pytest.raises(ContractError, match="frame"):
            decode_state(cdr)


@settings(deadline=None)
@given(size=st.integers(0, 196))
def test_cut_off_data_is_refused(size: int) -> None:
    with pytest.raises(ContractError):
        decode_state(encode_state(make_state(1))[:size])


def test_values_that_are_not_finite_are_refused() -> None:
    cdr = bytearray(encode_state(make_state(1)))
    cdr[-17:-9] = np.float64(np.nan).tobytes()
    with pytest.raises(ContractError, match="wrench"):
        decode_state(bytes(cdr))
