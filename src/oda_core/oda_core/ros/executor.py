"""A single-threaded executor whose subscriptions and timers cost a quarter of rclpy's.

rclpy's SingleThreadedExecutor builds a new wait set with some thirty entities and a task for each
message, which is 250 us of CPU on Jazzy (rclpy 7.1.6); its EventsExecutor delivered nothing there
and did not end on shutdown.
"""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from rclpy.event_handler import EventHandler
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.subscription import Subscription
from rclpy.waitable import NumberOfEntities

InvalidHandle = rclpy_implementation.InvalidHandle
MESSAGE_ONLY = Subscription.CallbackType.MessageOnly
KINDS = ("subscription", "guard_condition", "timer", "client", "service")
ATTRIBUTES = ("subscriptions", "guards", "timers", "clients", "services", "waitables")
FULL_LOOK_NS = 20_000_000  # under load, services are looked at this often


class LeanExecutor(SingleThreadedExecutor):
    """Call subscriptions and timers directly; leave services, actions and tasks to rclpy.

    The wait sets are built once and again when an entity is added or destroyed. While messages keep
    coming, services and events of the middleware are looked at every 20 ms only. Callbacks of
    subscriptions and timers must be plain functions.
    Coroutines, as of actions, go on after each turn: what they await must be done by a callback
    of this executor, or be followed by wake().
    """

    _looks: "tuple[_Look, _Look] | None" = None
    _next_full_ns = 0

    def spin(self) -> None:
        """Execute callbacks until shutdown."""
        while self._context.ok() and not self._is_shutdown:
            self.turn()

    def turn(self) -> None:
        """Wait for work and do it; also return after 20 ms without any.

        Raises:
            ExternalShutdownException: the context was shut down.
        """
        if self._tasks and self._advance_tasks():
            return
        lean, full = self._looks or self._collect()
        rest_ns = self._next_full_ns - time.monotonic_ns()
        look = lean if rest_ns > 0 else full
        try:
            look.wait(rest_ns if rest_ns > 0 else -1)
        except InvalidHandle:  # a callback has destroyed an entity since
            self.release()
            return
        if not self._context.ok():
            raise ExternalShutdownException()
        look.call()
        if look is full:
            self._next_full_ns = time.monotonic_ns() + FULL_LOOK_NS
        others_ready = look.others_ready()
        if look.triggered and self._present() != self._known:
            self.release()
        if others_ready:
            self.spin_once(0)

    def release(self) -> None:
        """Let go of the entities, so that they can be destroyed; turn() takes them up again."""
        for look in self._looks or ():
            look.close()
        self._looks = None
        self._cb_iter = None  # of rclpy, whose last look holds them too

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop executing callbacks."""
        self.release()
        return super().shutdown(timeout_sec)

    def _advance_tasks(self) -> bool:
        """Run every task to its next await; whether one ended, which others may wait for."""
        ended = False
        for task, _, _ in list(self._tasks):
            task()
            if task.done():
                ended = True
                task.result()  # raises what the task raised
        with self._tasks_lock:
            self._tasks = [t for t in self._tasks if not (t[0].done() or t[0].cancelled())]
        return ended

    def _present(self) -> list[list[Any]]:
        """All entities of all nodes, one list per attribute of a node."""
        nodes = self.get_nodes()
        return [[e for node in nodes for e in getattr(node, name)] for name in ATTRIBUTES]

    def _collect(self) -> "tuple[_Look, _Look]":
        self._known = self._present()
        *known, waitables = self._known
        entities = dict(zip(KINDS, known, strict=True))
        entities["guard_condition"] = [*known[1], self._guard, self._sigint_gc]
        urgent = [w for w in waitables if not isinstance(w, EventHandler)]
        self._next_full_ns = 0
        self._looks = (
            _Look(entities | {"service": []}, urgent, self._context),
            _Look(entities, waitables, self._context),
        )
        return self._looks


class _Look:
    """One wait set with what it waits for."""

    def __init__(self, entities: dict[str, list[Any]], waitables: list[Any], context: Any) -> None:
        self.triggered = False
        self._entities, self._waitables = entities, waitables
        self._held = ExitStack()  # what is waited on outlives its destruction until close()
        for held in (context, *(e for kind in KINDS for e in entities[kind])):
            self._held.enter_context(held.handle)
        for waitable in waitables:
            self._held.enter_context(waitable)
        self._set = rclpy_implementation.WaitSet(*_counts(entities, waitables), context.handle)
        adders = {kind: getattr(self._set, f"add_{kind}") for kind in KINDS}
        self._add = [(adders[kind], e.handle) for kind in KINDS for e in entities[kind]]
        self._subscriptions = [(e.handle.pointer, e) for e in entities["subscription"]]
        self._timers = [(e.handle.pointer, e) for e in entities["timer"]]
        own = entities["guard_condition"][:-2]  # the last two wake the executor itself
        self._guards = [(e.handle.pointer, e) for e in own]
        self._guarded = False

    def close(self) -> None:
        self._held.close()

    def wait(self, timeout_ns: int) -> None:
        self._set.clear_entities()
        for add, handle in self._add:
            add(handle)
        for waitable in self._waitables:
            waitable.add_to_wait_set(self._set)
        self._set.wait(timeout_ns)

    def call(self) -> None:
        """Call the ready subscriptions and timers, and note the triggered guard conditions."""
        if ready := self._set.get_ready_entities("subscription"):
            for pointer, subscription in self._subscriptions:
                if pointer in ready:
                    taken = subscription.handle.take_message(
                        subscription.msg_type, subscription.raw
                    )
                    if taken is not None:
                        plain = subscription._callback_type is MESSAGE_ONLY
                        subscription.callback(*(taken[:1] if plain else taken))
        if ready := self._set.get_ready_entities("timer"):
            for pointer, timer in self._timers:
                if pointer in ready and timer.handle.is_timer_ready():
                    timer.handle.call_timer()
                    timer.callback()
        ready = self._set.get_ready_entities("guard_condition")
        self.triggered = bool(ready)
        self._guarded = False
        for pointer, guard in self._guards:
            if pointer in ready:  # waiting reset it; rclpy triggers it anew
                guard._executor_triggered = self._guarded = True

    def others_ready(self) -> bool:
        """Whether rclpy has something to do."""
        if self._guarded or any(waitable.is_ready(self._set) for waitable in self._waitables):
            return True
        return any(
            self._entities[kind] and self._set.get_ready_entities(kind)
            for kind in ("client", "service")
        )


def _counts(entities: dict[str, list[Any]], waitables: list[Any]) -> Iterable[int]:
    counts = NumberOfEntities(*(len(entities[kind]) for kind in KINDS))
    for waitable in waitables:
        counts += waitable.get_num_entities()
    return (
        counts.num_subscriptions,
        counts.num_guard_conditions,
        counts.num_timers,
        counts.num_clients,
        counts.num_services,
        counts.num_events,
    )
