"""Start a node, spin it, and stop it within a second of SIGINT or SIGTERM."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from oda_core.errors import OdaError
from oda_core.ros.executor import LeanExecutor

USER_ERROR = 2
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(make: Callable[[], Node]) -> int:
    """Run one node until a signal, its own SystemExit, or an error; the exit code.

    The node may have a close() method: it is called while topics still work, so that files are
    closed and last messages sent. An OdaError becomes one line on the log and exit code 2. A
    callback ends the process with SystemExit(code). A second signal kills at once.

    Args:
        make: builds the node; called after rclpy.init.
    """
    stop = threading.Event()
    with _signals() as received:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        try:
            executor = LeanExecutor()

            def wait_for_signals() -> None:
                if not received.recv(1):
                    return
                stop.set()
                executor.create_task(lambda: None)  # turn returns after work only
                if number := received.recv(1):
                    os._exit(128 + number[0])

            threading.Thread(target=wait_for_signals, name="signals", daemon=True).start()
            return _spin(make, executor, stop)
        finally:
            rclpy.try_shutdown()


def _spin(make: Callable[[], Node], executor: LeanExecutor, stop: threading.Event) -> int:
    node: Node | None = None
    code = 0
    try:
        node = make()
        executor.add_node(node)
        while not stop.is_set():
            executor.turn()
    except (ExternalShutdownException, KeyboardInterrupt):
        pass
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except OdaError as error:
        code = _report(node, error)
    executor.release()
    try:
        _close(node)
    except OdaError as error:
        code = _report(node, error)
    return code


def _close(node: Node | None) -> None:
    if node is None:
        return
    try:
        close = getattr(node, "close", None)
        if close is not None:
            close()
    finally:
        node.destroy_node()


def _report(node: Node | None, error: OdaError) -> int:
    logger = node.get_logger() if node is not None else rclpy.logging.get_logger("oda")
    logger.fatal(str(error))
    return USER_ERROR


class _signals:  # noqa: N801
    """Socket that receives the number of every signal, also while the main thread waits in C."""

    def __enter__(self) -> socket.socket:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        return self._reader

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        self._writer.close()


def main(make: Callable[[], Node]) -> None:
    """Entry point of a console script: run and end the process.

    It ends at once. The node has closed what it owns by now; unloading the libraries, as Python
    does at its exit, takes seconds with torch and can wait for threads that still compute.
    """
    code = run(make)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
