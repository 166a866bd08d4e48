"""Described settings: one dataclass field is the schema of YAML, command line and ROS parameter."""

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def setting(
    default: T,
    description: str,
    *,
    bounds: tuple[float, float] | None = None,
    mutable: bool = False,
) -> T:
    """A dataclass field with what a user wants to know about it.

    Args:
        default: value when nothing is given.
        description: one sentence with the unit.
        bounds: least and greatest value, both allowed.
        mutable: it may change while a node runs.
    """
    metadata: dict[str, Any] = {"description": description, "bounds": bounds, "mutable": mutable}
    field: Any = dataclasses.field(default=default, metadata=metadata)
    return field
