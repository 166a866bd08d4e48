"""Episodes of a bag that a person took back: marks on a topic of their own, written afterwards."""

from pathlib import Path

from rosbags.rosbag2 import Reader

from oda_core import topics
from oda_core.interfaces import typestore
from oda_core.messages import EPISODE_TYPE, event_from_msg


def read_discards(path: str | Path) -> dict[tuple[str, int], str]:
    """Session and number of each episode that was taken back, and why.

    Args:
        path: bag directory.
    """
    with Reader(path) as reader:
        marks = [c for c in reader.connections if c.topic == topics.DISCARD]
        if not marks:
            return {}
        events = [
            event_from_msg(typestore().deserialize_cdr(data, EPISODE_TYPE))
            for _, _, data in reader.messages(connections=marks)
        ]
    return {(event.session, event.episode_id): event.reason for event in events}
