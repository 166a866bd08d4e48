"""Subscriptions that are emptied now and then, for nodes that hear thousands of messages a second.

An executor wakes up and calls Python for every message. Here the middleware keeps them until
take(), which costs a few microseconds each: 4,000 a second are a tenth of a core.
"""

from collections.abc import Iterator

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.type_support import check_for_type_support

from oda_core.ros.types import rclpy_class

NOBODY = "nobody publishes it"


class Input:
    """One topic, serialized; its depth must last from one take() to the next.

    Attributes:
        topic: its name.
        typename: of its messages.
    """

    def __init__(self, node: Node, topic: str, typename: str, qos: QoSProfile) -> None:
        """Subscribe; no executor knows of it."""
        self.topic, self.typename = topic, typename
        self._node, self._qos, self._kind = node, qos, rclpy_class(typename)
        check_for_type_support(self._kind)
        with node.handle:
            self._handle = rclpy_implementation.Subscription(
                node.handle, self._kind, topic, qos.get_c_qos_profile()
            )

    def take(self) -> Iterator[bytes]:
        """Everything that has come."""
        take = self._handle.take_message
        while taken := take(self._kind, True):
            yield taken[0]

    def silence(self) -> str:
        """Why nothing comes, as far as the graph tells; empty if it should."""
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if not publishers:
            return NOBODY
        for info in publishers:
            level, reason = qos_check_compatible(info.qos_profile, self._qos)
            if level == QoSCompatibility.ERROR:
                return f"{info.node_name} publishes it with another quality of service: {reason}"
        other = sorted({p.topic_type for p in publishers} - {self.typename})
        if other:
            return f"it is published as {', '.join(other)}, expected {self.typename}"
        return ""

    def close(self) -> None:
        """Unsubscribe."""
        self._handle.destroy_when_not_in_use()
