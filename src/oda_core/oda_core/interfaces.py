"""Message types without ROS: the definitions that oda_msgs installs, read by rosbags."""

import functools
import os
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from oda_core.errors import OdaError


def share_directory(package: str) -> Path:
    """Installed share directory of a ROS package, found on AMENT_PREFIX_PATH.

    Raises:
        OdaError: the package is not on the path.
    """
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        share = Path(prefix, "share", package)
        if share.is_dir():
            return share
    raise OdaError(
        f"package {package} is not on AMENT_PREFIX_PATH; build the workspace (make setup) and "
        "source its setup.bash"
    )


@functools.cache
def typestore() -> Typestore:
    """ROS 2 Jazzy's types and those of oda_msgs."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict[str, Any] = {}
    for path in sorted(share_directory("oda_msgs").glob("msg/*.msg")):
        types.update(get_types_from_msg(path.read_text(), f"oda_msgs/msg/{path.stem}"))
    store.register(types)
    return store


def rosbags_class(typename: str) -> Any:
    """Class that rosbags serializes for a type name; a Lookup for oda_core.messages."""
    return typestore().types[typename]
