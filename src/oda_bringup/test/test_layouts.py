"""Every topic and field in the layouts for PlotJuggler and Foxglove is in the robot contract."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rosbags.interfaces import Nodetype

from oda_core import topics
from oda_core.interfaces import typestore
from oda_teleop.ros.recorder_node import TOPICS

CONFIG = Path(__file__).parent.parent / "config"
TYPES = {row.topic: row.typename for row in TOPICS}
TYPES[topics.DIAGNOSTICS] = "diagnostic_msgs/msg/DiagnosticArray"


def layout() -> dict[str, Any]:
    return json.loads((CONFIG / "foxglove.json").read_text())


def juggler() -> ElementTree.Element:
    return ElementTree.parse(CONFIG / "plotjuggler.xml").getroot()


def split_topic(path: str, separator: str) -> tuple[str, list[str]]:
    """Topic and the fields after it."""
    for topic in sorted(TYPES, key=len, reverse=True):
        if path == topic or path.startswith(topic + separator):
            return topic, [word for word in path[len(topic) :].split(separator) if word]
    raise AssertionError(f"{path}: no topic of the contract begins so")


def resolve(path: str, separator: str) -> None:
    """Follow a path through the message definition to a number."""
    topic, words = split_topic(path, separator)
    typename = TYPES[topic]
    for place, word in enumerate(words):
        match = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", word)
        assert match, path
        fields = dict(typestore().get_msgdef(typename).fields)
        assert match[1] in fields, f"{path}: {typename} has {sorted(fields)}"
        kind, detail = fields[match[1]]
        if kind is Nodetype.NAME:
            typename = detail
            assert match[2] is None and place < len(words) - 1, path
        elif kind is Nodetype.ARRAY:
            assert match[2] is not None and int(match[2]) < detail[1], path
        else:
            assert kind is Nodetype.BASE and detail[0] != "string", path


def foxglove_paths() -> Iterator[str]:
    for config in layout()["configById"].values():
        for path in config.get("paths", []):
            yield path["value"]


def panels(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    else:
        yield from panels(node["first"])
        yield from panels(node["second"])


def test_curves_of_plotjuggler_exist() -> None:
    names = [curve.attrib["name"] for curve in juggler().iter("curve")]
    assert len(names) == len(set(names)) > 20
    for name in names:
        resolve(name, "/")
    (chosen,) = juggler().iter("selected_topics")
    assert {split_topic(name, "/")[0] for name in names} == set(chosen.attrib["value"].split(";"))


def test_paths_of_foxglove_exist() -> None:
    paths = list(foxglove_paths())
    assert len(paths) == len(set(paths)) > 15
    for path in paths:
        resolve(path, ".")
    for config in layout()["configById"].values():
        named = [config.get("topicPath"), config.get("topicToRender"), *config.get("topics", {})]
        assert {topic for topic in named if topic} <= set(TYPES)


def test_panels_of_foxglove_are_all_placed() -> None:
    assert sorted(panels(layout()["layout"])) == sorted(layout()["configById"])


@pytest.mark.parametrize(
    ("path", "separator"),
    [("/oda/state/pose/x", "/"), ("/oda/step.action[6]", "."), ("/oda/state.pose", "."),
     ("/oda/steps.reward", ".")],
)  # fmt: skip
def test_a_wrong_path_is_noticed(path: str, separator: str) -> None:
    with pytest.raises(AssertionError):
        resolve(path, separator)
