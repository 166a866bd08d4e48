"""Parameters that start from a preset. No ROS here."""

import dataclasses
import typing
from typing import Any, TypeVar

from oda_core.errors import ConfigError

T = TypeVar("T")


def with_defaults(schema: type[Any], config: Any, without: tuple[str, ...] = ()) -> type[Any]:
    """A flat schema: the fields of schema and those of config, which gives their defaults.

    Args:
        schema: dataclass of a node's own parameters.
        config: dataclass instance, such as a preset.
        without: fields of config that are left out.
    """
    own = [_field(schema, f, f.default) for f in dataclasses.fields(schema)]
    taken = {name for name, _, _ in own}
    more = [
        _field(type(config), f, getattr(config, f.name))
        for f in dataclasses.fields(config)
        if f.name not in taken and f.name not in without
    ]
    return dataclasses.make_dataclass(schema.__name__, own + more, frozen=True, kw_only=True)


def part(schema: type[T], values: Any, where: str, **fixed: Any) -> T:
    """The fields of a dataclass out of a flat one.

    Raises:
        ConfigError: a value is out of its range.
    """
    names = [f.name for f in dataclasses.fields(typing.cast(Any, schema))]
    given = {name: getattr(values, name) for name in names if hasattr(values, name)}
    try:
        return schema(**(given | fixed))
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _field(schema: type[Any], field: Any, default: Any) -> tuple[str, Any, Any]:
    hint = typing.get_type_hints(schema)[field.name]
    return field.name, hint, dataclasses.field(default=default, metadata=field.metadata)
