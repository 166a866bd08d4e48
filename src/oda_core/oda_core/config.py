"""Frozen dataclasses as the one schema of YAML files, commands and ROS parameters."""

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from oda_core.errors import ConfigError

T = TypeVar("T")


def from_mapping(schema: type[T], data: Any, where: str) -> T:
    """Build a dataclass from nested plain values.

    Args:
        schema: dataclass type; fields may be dataclasses, enums, tuples, mappings, optionals.
        data: mapping of field names to plain values, as YAML gives them.
        where: name of the place for error messages, such as a file and key.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type or range.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: found {_name(data)}, expected a mapping of keys to values")
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, schema)) if f.init}
    unknown = sorted(str(key) for key in data if key not in fields)
    if unknown:
        raise ConfigError(
            f"{where}: unknown key {', '.join(unknown)}; known keys are {', '.join(fields)}"
        )
    missing = [name for name, f in fields.items() if name not in data and _required(f)]
    if missing:
        raise ConfigError(f"{where}: missing key {', '.join(missing)}; add it")
    hints = typing.get_type_hints(schema)
    values = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in data.items()}
    try:
        return schema(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def load_yaml(schema: type[T], path: str | Path) -> T:
    """Read a YAML file into a dataclass; see from_mapping for the errors."""
    try:
        data = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}") from error
    return from_mapping(schema, data, str(path))


def to_mapping(value: Any) -> Any:
    """Plain nested values of a dataclass, fit for YAML and JSON and for from_mapping."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_mapping(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: to_mapping(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_mapping(item) for item in value]
    return value


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _name(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType or origin is typing.Union:
        if value is None and type(None) in args:
            return None
        (inner,) = (a for a in args if a is not type(None))
        return _convert(inner, value, where)
    if origin is tuple:
        return _convert_tuple(args, value, where)
    if origin is typing.Literal:
        return _choice(value, args, where)
    if dataclasses.is_dataclass(hint):
        return from_mapping(typing.cast(type, hint), value, where)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(_choice(value, tuple(item.value for item in hint), where))
    if hint is Any or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return value
    return _scalar(hint, value, where)


def _convert_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where}: found {_name(value)}, expected a list")
    if len(args) == 2 and args[1] is Ellipsis:
        args = (args[0],) * len(value)
    if len(args) != len(value):
        raise ConfigError(f"{where}: found {len(value)} values, expected {len(args)}")
    return tuple(
        _convert(hint, item, f"{where}[{i}]")
        for i, (hint, item) in enumerate(zip(args, value, strict=True))
    )


def _choice(value: Any, choices: tuple[Any, ...], where: str) -> Any:
    if value not in choices:
        names = ", ".join(str(choice) for choice in choices)
        raise ConfigError(f"{where}: found {_name(value)}, expected one of {names}")
    return value


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ConfigError(f"{where}: found {value}, expected a finite number")
        return float(value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{where}: found {_name(value)}, expected {hint.__name__}")
