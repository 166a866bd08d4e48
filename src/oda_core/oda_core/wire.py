"""oda_msgs/TcpState in CDR, written and read directly: it is the message that comes most often.

Generic (de)serialization of its nested fields costs a quarter of a millisecond in Python; this is a
few microseconds. Alignment counts from after the four bytes of the encapsulation header.
"""

import struct

import numpy as np

from oda_core.errors import ContractError
from oda_core.messages import SECOND_NS, expect_frame
from oda_core.se3 import Pose
from oda_core.types import BASE_FRAME, TCP_FRAME, TcpState

LITTLE_ENDIAN = b"\x00\x01\x00\x00"
_STAMP = struct.Struct("<4xiI")
_STATE = struct.Struct("<4siII9s3xI8s4x19d?")  # with the frames of this project
_STRINGS = (len(BASE_FRAME) + 1, BASE_FRAME.encode(), len(TCP_FRAME) + 1, TCP_FRAME.encode())


def raw_stamp_ns(cdr: bytes) -> int:
    """Stamp of a serialized message that begins with a std_msgs/Header [ns]."""
    sec, nanosec = _STAMP.unpack_from(cdr)
    return sec * SECOND_NS + nanosec


def encode_state(state: TcpState) -> bytes:
    """A state as a serialized oda_msgs/TcpState."""
    base_size, base, tcp_size, tcp = _STRINGS
    numbers = np.concatenate([*state.pose, state.twist, state.wrench]).tolist()
    return _STATE.pack(
        LITTLE_ENDIAN, *divmod(state.stamp_ns, SECOND_NS), base_size, base, tcp_size, tcp,
        *numbers, state.inserted,
    )  # fmt: skip


def decode_state(cdr: bytes) -> TcpState:
    """The state of a serialized oda_msgs/TcpState.

    Raises:
        ContractError: cut off, big-endian, in another frame, or with a value that is not finite.
    """
    if cdr[:2] != LITTLE_ENDIAN[:2]:
        raise ContractError(f"state: found encapsulation {cdr[:2].hex()}, expected plain CDR, 0001")
    try:
        base, position = read_string(cdr, 12)
        tcp, position = read_string(cdr, position)
        start = 4 + -(-(position - 4) // 8) * 8
        numbers = np.frombuffer(cdr, "<f8", 19, start)
        inserted = bool(cdr[start + 152])
    except (struct.error, ValueError, IndexError) as error:
        raise ContractError(f"state: found {len(cdr)} bytes, which is cut off ({error})") from error
    expect_frame("state", base, BASE_FRAME)
    expect_frame("state's twist and wrench", tcp, TCP_FRAME)
    return TcpState(
        stamp_ns=raw_stamp_ns(cdr),
        pose=Pose(numbers[:3], numbers[3:7]),
        twist=numbers[7:13],
        wrench=numbers[13:19],
        inserted=inserted,
    )


def read_string(cdr: bytes, position: int) -> tuple[str, int]:
    """A string and the position after it; position is within the whole buffer, 4-aligned up.

    Raises:
        ValueError: the message ends before the string does.
    """
    position += -position % 4
    end = position + 4
    if end <= len(cdr):
        end += struct.unpack_from("<I", cdr, position)[0]
    if end > len(cdr):
        raise ValueError("a string ends beyond the data")
    return cdr[position + 4 : end - 1].decode(errors="replace"), end
