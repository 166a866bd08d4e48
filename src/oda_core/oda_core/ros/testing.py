"""System tests: nodes as processes in a ROS domain of their own, ended by their process ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

Parameter = bool | int | float | str
FREE_DOMAINS = range(30, 80)  # ports of those from 102 on are given to others by Linux
STOP_S = 10.0


@contextmanager
def own_domain() -> Iterator[int]:
    """Hold a ROS domain that no other graph on this host has claimed."""
    for number in FREE_DOMAINS:
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0oda-graph-on-domain-{number}")
            except OSError:
                continue
            yield number
            return
    raise RuntimeError(f"no free ROS domain in {FREE_DOMAINS}")


class Nodes:
    """Processes of one test; a context manager that leaves none behind.

    Args:
        directory: for their logs.
        domain: ROS_DOMAIN_ID.
    """

    def __init__(self, directory: Path, domain: int) -> None:
        """Start nothing yet."""
        self._directory = directory
        self._environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def start(self, module: str, **parameters: Parameter) -> str:
        """Start the node whose main() is in a module such as oda_sim.ros.sim_node; its name."""
        name = module.rpartition(".")[2]
        arguments = [word for k, v in parameters.items() for word in ("-p", f"{k}:={_yaml(v)}")]
        code = f"from {module} import main; main()"
        with self._log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-c", code, "--ros-args", *arguments],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return name

    def wait(self, name: str, limit_s: float) -> int:
        """Wait for a node to end by itself; its exit code."""
        try:
            return self.processes[name].wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{name} did not end within {limit_s} s:\n{self.log(name)}"
            ) from None

    def stop(self, how: signal.Signals = signal.SIGINT) -> dict[str, int]:
        """Signal all that run; their exit codes."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(how)
        return {name: self.wait(name, STOP_S) for name in self.processes}

    def log(self, name: str) -> str:
        """What a node has printed."""
        return self._log(name).read_text(errors="replace")

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


class Client:
    """The test's own node; a context manager."""

    def __init__(self, domain: int) -> None:
        """Join a domain."""
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node: Node = rclpy.create_node("test_client", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)

    def collect(self, kind: type, topic: str, quality: QoSProfile) -> list[Any]:
        """Subscribe; the list fills with the messages."""
        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, quality)
        return messages

    def until(self, ready: Callable[[], Any], what: str, limit_s: float = 30.0) -> Any:
        """Turn until ready() gives something true; that.

        Raises:
            AssertionError: it did not within the limit.
        """
        deadline = time.monotonic() + limit_s
        while not (found := ready()):
            assert time.monotonic() < deadline, f"{what} did not come within {limit_s} s"
            self.executor.spin_once(0.05)
        return found

    def done(self, future: Any, what: str, limit_s: float = 30.0) -> Any:
        """Result of a future."""
        self.until(future.done, what, limit_s)
        return future.result()

    def turn_for(self, seconds: float) -> None:
        """Turn for a while, to see what does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.executor.spin_once(0.02)


def _yaml(value: Parameter) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
