"""Columns agree with rosbags' own deserialization, whatever the lengths within the messages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oda_core.cdr import PlacedError, decode
from oda_core.errors import ContractError
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import header, twist_stamped, vector

make = rosbags_class
TWIST = "geometry_msgs/msg/TwistStamped"


def joints(names: list[str], seed: int) -> object:
    rng = np.random.default_rng(seed)
    return make("sensor_msgs/msg/JointState")(
        header=header(int(rng.integers(2**60)), "é" * (seed % 3), make), name=names,
        position=rng.normal(size=len(names)), velocity=rng.normal(size=seed % 4),
        effort=np.empty(0),
    )  # fmt: skip


def transforms(count: int, seed: int) -> object:
    rng = np.random.default_rng(seed)
    one = make("geometry_msgs/msg/TransformStamped")
    return make("tf2_msgs/msg/TFMessage")(transforms=[
        one(header=header(i, f"f{i}", make), child_frame_id="x" * i,
            transform=make("geometry_msgs/msg/Transform")(
                translation=vector(rng.normal(size=3), make),
                rotation=make("geometry_msgs/msg/Quaternion")(x=0.0, y=0.0, z=0.0, w=1.0)))
        for i in range(count)
    ])  # fmt: skip


def value(message: object, name: str) -> object:
    for part in name.split("."):
        message = message[int(part)] if part.isdigit() else getattr(message, part)
    return message


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.lists(st.text(max_size=5), max_size=3), st.integers(0, 99), st.booleans()),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_every_field_of_every_message_is_found(rows: list) -> None:
    clean = [([n.replace("\0", "") for n in names], seed, big) for names, seed, big in rows]
    for messages in (
        [joints(names, seed) for names, seed, _ in clean],
        [transforms(len(names), seed) for names, seed, _ in clean],
    ):
        kind = messages[0].__msgtype__
        cdrs = [
            bytes(typestore().serialize_cdr(m, kind, little_endian=not big))
            for m, (_, _, big) in zip(messages, clean, strict=True)
        ]
        seen = []
        for places, found in decode(kind, cdrs):
            seen += places.tolist()
            for place, row in zip(places, found, strict=True):
                truth = typestore().deserialize_cdr(cdrs[place], kind)
                for name in found.dtype.names or ():
                    expected, got = value(truth, name), row[name]
                    if isinstance(expected, str):
                        assert got.decode() == expected
                    else:
                        assert np.array_equal(got, expected), name
        assert sorted(seen) == list(range(len(cdrs)))


@settings(deadline=None, max_examples=30)
@given(size=st.integers(0, 70), at=st.integers(0, 3))
def test_a_message_that_is_cut_off_is_named(size: int, at: int) -> None:
    whole = bytes(typestore().serialize_cdr(twist_stamped(1, np.arange(6.0), make), TWIST))
    cdrs = [whole] * 4
    cdrs[at] = whole[: min(size, len(whole) - 1)]
    with pytest.raises(PlacedError, match=r"cut off|encapsulation") as error:
        decode(TWIST, cdrs)
    assert error.value.index == at


def test_lengths_that_cannot_be_are_refused() -> None:
    cdr = bytearray(typestore().serialize_cdr(transforms(1, 0), "tf2_msgs/msg/TFMessage"))
    cdr[4:8] = (2**31).to_bytes(4, "little")
    with pytest.raises(ContractError, match="cannot be in"):
        decode("tf2_msgs/msg/TFMessage", [bytes(cdr)])
    with pytest.raises(ContractError, match="unknown"):
        decode("no_msgs/msg/Such", [bytes(cdr)])
