"""The lean executor serves everything that rclpy's does; nodes start and stop cleanly."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from geometry_msgs.msg import Vector3
from rclpy.action import ActionClient, ActionServer
from rclpy.context import Context
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from oda_core.ros import qos
from oda_core.ros.executor import LeanExecutor
from oda_core.ros.testing import own_domain
from oda_msgs.action import Reset

pytestmark = pytest.mark.ros


class World:
    """A node with a lean executor in a context of its own."""

    def __init__(self, domain: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("world", context=self.context)
        self.executor = LeanExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.node.create_timer(0.02, self.count)
        self.ticks = 0

    def count(self) -> None:
        self.ticks += 1

    def until(self, ready: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not ready():
            assert time.monotonic() < deadline
            self.executor.turn()


@pytest.fixture
def world() -> Iterator[World]:
    with own_domain() as domain:
        made = World(domain)
        yield made
        made.executor.shutdown()
        made.node.destroy_node()
        rclpy.shutdown(context=made.context)


def test_actions_services_and_coroutines_are_served_while_messages_pour_in(world: World) -> None:
    node, got, finished = world.node, [], Future()

    async def execute(goal) -> Reset.Result:
        await finished
        goal.succeed()
        return Reset.Result(success=True)

    def answer(_: object, response: Trigger.Response) -> Trigger.Response:
        response.success = True
        return response

    ActionServer(node, Reset, "reset", execute)
    node.create_service(Trigger, "ask", answer)
    actions, asks = ActionClient(node, Reset, "reset"), node.create_client(Trigger, "ask")
    publisher = node.create_publisher(Vector3, "flood", qos.profile(10))
    node.create_subscription(Vector3, "flood", got.append, qos.profile(10))
    node.create_timer(0.0005, lambda: publisher.publish(Vector3()))
    results: list[object] = []

    async def client() -> None:
        results.append((await asks.call_async(Trigger.Request())).success)
        handle = await actions.send_goal_async(Reset.Goal())
        results.append(handle.accepted)
        node.create_timer(0.05, lambda: finished.done() or finished.set_result(None))
        results.append((await handle.get_result_async()).result.success)

    world.until(lambda: actions.server_is_ready() and asks.service_is_ready())
    world.executor.create_task(client)
    world.until(lambda: len(results) == 3)
    assert results == [True, True, True] and len(got) > 10 and world.ticks > 2


def test_waiting_costs_nothing(world: World) -> None:
    pending = Future()

    async def wait() -> None:
        await pending

    world.executor.create_task(wait)
    world.until(lambda: world.ticks > 5)
    began, ticks = time.thread_time(), world.ticks
    world.until(lambda: world.ticks > ticks + 50)  # a second
    assert time.thread_time() - began < 0.3
    pending.set_result(None)


def test_entities_may_come_and_go_in_callbacks(world: World) -> None:
    node, got = world.node, []
    publisher = node.create_publisher(Vector3, "topic", qos.profile(10))

    def renew(message: Vector3) -> None:
        got.append(message.x)
        node.destroy_subscription(subscriptions.pop())
        subscriptions.append(node.create_subscription(Vector3, "topic", renew, qos.profile(10)))

    subscriptions = [node.create_subscription(Vector3, "topic", renew, qos.profile(10))]

    def publish() -> None:
        if publisher.get_subscription_count():
            publisher.publish(Vector3(x=float(len(got))))

    node.create_timer(0.01, publish)
    world.until(lambda: len(got) > 5)


def test_what_it_let_go_of_can_be_destroyed(world: World) -> None:
    """A node that was there for an action is gone from the graph, though Python still knows it."""

    def execute(goal) -> Reset.Result:
        goal.succeed()
        return Reset.Result()

    guest = Node("guest", context=world.context)
    world.executor.add_node(guest)
    ActionServer(world.node, Reset, "reset", execute)
    asks = ActionClient(guest, Reset, "reset")
    world.until(asks.server_is_ready)
    world.until((sent := asks.send_goal_async(Reset.Goal())).done)
    world.until(sent.result().get_result_async().done)
    world.executor.remove_node(guest)
    world.executor.release()
    asks.destroy()
    guest.destroy_node()
    world.until(lambda: "guest" not in world.node.get_node_names())


@pytest.mark.parametrize("kind", ["timer", "coroutine"])
def test_errors_of_callbacks_reach_the_caller(world: World, kind: str) -> None:
    def fail() -> None:
        raise ValueError("seen")

    async def fail_later() -> None:
        fail()

    if kind == "timer":
        world.node.create_timer(0.01, fail)
    else:
        world.executor.create_task(fail_later)
    with pytest.raises(ValueError, match="seen"):
        world.until(lambda: False)


NODE = """
import sys, time
from rclpy.node import Node
from oda_core.errors import ConfigError
from oda_core.ros.main import main

class Plain(Node):
    def __init__(self):
        super().__init__("plain")
        self.create_timer(0.05, self.act)
        print("ready", flush=True)

    def act(self):
        if {act!r} == "error":
            raise ConfigError("found a, expected b; do c")
        if {act!r} == "end":
            raise SystemExit(7)
        if {act!r} == "hang":
            print("hanging", flush=True)
            time.sleep(60)

    def close(self):
        print("closed", self.context.ok(), flush=True)

main(Plain)
"""


@pytest.mark.parametrize(
    ("act", "signals", "codes", "output"),
    [
        ("spin", [signal.SIGINT], {0}, "closed True"),
        ("spin", [signal.SIGTERM], {0}, "closed True"),
        ("error", [], {2}, "found a, expected b; do c"),
        ("end", [], {7}, "closed True"),
        ("hang", [signal.SIGINT, signal.SIGTERM], {130, 143}, "ready"),  # whichever is second
    ],
)
def test_nodes_end_with_clear_codes(act: str, signals: list, codes: set[int], output: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", NODE.format(act=act)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    text = process.stdout.readline()
    while act == "hang" and "hanging" not in text:
        text += process.stdout.readline()
    for number in signals:
        process.send_signal(number)
    text += process.communicate(timeout=10)[0]
    assert process.returncode in codes, text
    assert output in text and "Traceback" not in text
