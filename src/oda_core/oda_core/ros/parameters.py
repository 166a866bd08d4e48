"""ROS parameters of a frozen dataclass; its fields come from oda_core.settings.setting."""

import dataclasses
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError

T = TypeVar("T")

_FOREIGN = ("use_sim_time", "qos_overrides.", "start_type_description_service")


def declare(node: Node, schema: type[T]) -> T:
    """Declare one parameter per field, dotted for nested dataclasses, and read them back.

    Fields must have defaults. Parameters are read-only unless their setting is mutable (watch).

    Raises:
        ConfigError: an override is unknown, of the wrong type, or out of its range.
    """
    where = f"parameters of {node.get_name()}"
    leaves = dict(_leaves(schema, ""))
    overrides = {name: p.value for name, p in node._parameter_overrides.items()}
    unknown = [n for n in overrides if n not in leaves and not n.startswith(_FOREIGN)]
    if unknown:
        raise ConfigError(
            f"{where}: unknown {', '.join(sorted(unknown))}; known are {', '.join(leaves)}"
        )
    given = {name: overrides[name] for name in leaves if name in overrides}
    settings = _build(schema, given, where)
    for name, field in leaves.items():
        value = _plain(_get(settings, name))
        node.declare_parameter(name, value, _descriptor(field, value), ignore_override=True)
    return settings


def watch(node: Node, settings: T, apply: Callable[[T], None]) -> None:
    """Call apply with new settings whenever mutable parameters change; refuse bad ones."""
    leaves = dict(_leaves(type(settings), ""))
    current = {name: _plain(_get(settings, name)) for name in leaves}

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        changes = {p.name: p.value for p in parameters if p.name in leaves}
        if not changes:
            return SetParametersResult(successful=True)
        try:
            changed = _build(type(settings), current | changes, f"{node.get_name()}")
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        current.update(changes)
        apply(changed)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)


def _leaves(schema: type, prefix: str) -> Iterator[tuple[str, dataclasses.Field]]:
    hints = typing.get_type_hints(schema)
    for field in dataclasses.fields(schema):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _leaves(hints[field.name], f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field


def _build(schema: type[T], flat: dict[str, Any], where: str) -> T:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *path, leaf = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[leaf] = _listed(value)
    settings = from_mapping(schema, nested, where)
    for name, field in _leaves(schema, ""):
        _check_bounds(f"{where}: {name}", _get(settings, name), field)
    return settings


def _listed(value: Any) -> Any:
    return list(value) if hasattr(value, "typecode") else value  # array.array of rclpy


def _get(settings: Any, name: str) -> Any:
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings


def _plain(value: Any) -> Any:
    plain = to_mapping(value)
    return plain if isinstance(plain, bool | int | float | str | list) else str(plain)


def _check_bounds(where: str, value: Any, field: dataclasses.Field) -> None:
    bounds = field.metadata.get("bounds")
    if bounds is None:
        return
    for item in value if isinstance(value, tuple) else (value,):
        if not bounds[0] <= item <= bounds[1]:
            raise ConfigError(f"{where}: found {item}, expected {bounds[0]} to {bounds[1]}")


def _descriptor(field: dataclasses.Field, value: Any) -> ParameterDescriptor:
    bounds = field.metadata.get("bounds")
    descriptor = ParameterDescriptor(
        description=field.metadata.get("description", ""),
        read_only=not field.metadata.get("mutable", False),
    )
    if bounds is not None and isinstance(value, float):
        low, high = map(float, bounds)
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif bounds is not None and isinstance(value, int):
        low, high = map(int, bounds)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    choices = typing.get_args(field.type) if not isinstance(field.type, str) else ()
    if choices and all(isinstance(choice, str) for choice in choices):
        descriptor.additional_constraints = "one of " + ", ".join(choices)
    return descriptor
