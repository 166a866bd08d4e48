"""Names of the ODA nodes on this domain, one a line, after a time [s] of listening."""

import sys
import time

import rclpy
from rclpy.context import Context

from oda_bringup.nodes import NAMESPACE


def main() -> None:
    """Listen until a node is seen or the time is over."""
    deadline = time.monotonic() + float(sys.argv[1])
    context = Context()
    rclpy.init(context=context, args=["--ros-args", "--enclave", f"{NAMESPACE}/probe"])
    node = rclpy.create_node("oda_domain_probe", context=context)
    found: list[str] = []
    while not found and time.monotonic() < deadline:
        time.sleep(0.05)
        names = node.get_node_names_and_namespaces()
        found = sorted(f"{space}/{name}" for name, space in names if space == NAMESPACE)
    sys.stdout.write("".join(f"{name}\n" for name in found))
    node.destroy_node()
    rclpy.shutdown(context=context)


if __name__ == "__main__":
    main()
