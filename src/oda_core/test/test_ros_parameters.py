"""One dataclass is the schema of a node's parameters."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
import rclpy
from rcl_interfaces.msg import ParameterType
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter

from oda_core.errors import ConfigError
from oda_core.ros.parameters import declare, watch
from oda_core.settings import setting


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Nested settings."""

    gain: float = setting(1.0, "gain of it [1]", bounds=(0.0, 2.0), mutable=True)
    box: tuple[float, ...] = setting((1.0, 2.0), "corner [m]")

    def __post_init__(self) -> None:
        if self.gain == 1.5:
            raise ValueError("gain: found 1.5, which is unlucky")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a node."""

    name: str = setting("a", "some name")
    mode: Literal["slow", "fast"] = setting("slow", "how")
    count: int = setting(3, "how many", bounds=(0, 10))
    inner: Inner = field(default_factory=Inner)


@pytest.fixture
def make() -> Iterator[object]:
    context = Context()
    rclpy.init(context=context, domain_id=101)
    nodes: list[Node] = []

    def node(**overrides: object) -> Node:
        given = [Parameter(name.replace("__", "."), value=v) for name, v in overrides.items()]
        nodes.append(Node("node", context=context, parameter_overrides=given))
        return nodes[-1]

    yield node
    for made in nodes:
        made.destroy_node()
    rclpy.shutdown(context=context)


def test_defaults_and_overrides(make) -> None:
    assert declare(make(), Settings) == Settings()
    given = declare(make(mode="fast", inner__gain=2, inner__box=[3.0]), Settings)
    assert given == Settings(mode="fast", inner=Inner(gain=2.0, box=(3.0,)))


def test_descriptors(make) -> None:
    node = make()
    declare(node, Settings)
    gain, count = (node.describe_parameter(name) for name in ("inner.gain", "count"))
    assert gain.description == "gain of it [1]" and not gain.read_only
    assert (
        gain.floating_point_range[0].to_value == 2.0 and gain.type == ParameterType.PARAMETER_DOUBLE
    )
    assert count.integer_range[0].to_value == 10 and count.read_only


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"nme": "b"}, "unknown nme; known are name, mode, count, inner.gain, inner.box"),
        ({"mode": "swift"}, "expected one of slow, fast"),
        ({"count": 11}, "count: found 11, expected 0 to 10"),
        ({"count": 1.5}, "expected int"),
        ({"name": 3}, "expected str"),
        ({"inner__gain": 1.5}, "unlucky"),
    ],
)
def test_bad_overrides_are_named(make, overrides: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        declare(make(**overrides), Settings)


def test_mutable_parameters_change_and_others_do_not(make) -> None:
    node, seen = make(), []
    watch(node, declare(node, Settings), seen.append)

    def change(name: str, value: object):
        return node.set_parameters([Parameter(name, value=value)])[0]

    assert change("inner.gain", 0.5).successful
    assert seen[-1].inner.gain == 0.5 and seen[-1].count == 3
    assert "unlucky" in change("inner.gain", 1.5).reason
    assert not change("inner.gain", 3.0).successful
    assert not change("count", 4).successful
    assert len(seen) == 1 and node.get_parameter("inner.gain").value == 0.5
