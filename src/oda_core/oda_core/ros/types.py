"""Message classes of rclpy by type name."""

import functools
import importlib
from typing import Any


@functools.cache
def rclpy_class(typename: str) -> Any:
    """Class of a type name such as "oda_msgs/msg/Step"; a Lookup for oda_core.messages."""
    package, kind, name = typename.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), name)
