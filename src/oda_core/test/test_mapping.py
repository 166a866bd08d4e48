"""Mappings of foreign bags: what cannot be meant is refused."""

import pytest

from oda_core.config import from_mapping
from oda_core.errors import ConfigError
from oda_core.mapping import Mapping


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"goal": None, "marks": None}, "nothing tells of success"),
        ({"gap_s": 3.0}, "expected one at most"),
        ({"pose": {"topic": "/a", "type": "sensor_msgs/msg/Imu", "frame_id": ""}}, "type of pose"),
        ({"wrench": {"topic": "/a", "frame_id": "", "sign": "plus"}}, "on_tool, by_tool"),
        ({"stamps": "header"}, "unknown key stamps"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(change: dict, words: str) -> None:
    plain = {
        "connector": "peg",
        "pose": {"topic": "/tool/pose", "frame_id": "world"},
        "wrench": {"topic": "/ft", "frame_id": "ft", "sign": "on_tool"},
        "marks": {"topic": "/mark"},
    }
    assert from_mapping(Mapping, plain, "here").connector == "peg"
    with pytest.raises(ConfigError, match=words):
        from_mapping(Mapping, plain | change, "here")
