"""A hand-held device to TCP twists: shaped, held by a deadman, with actions on its buttons."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Joy

from oda_core import topics
from oda_core.errors import ContractError
from oda_core.messages import twist_from_msg, twist_stamped
from oda_core.ros import qos
from oda_core.ros.diagnostics import OK, WARN, Diagnostics
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare, watch
from oda_core.ros.types import rclpy_class
from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.wire import decode_state
from oda_msgs.msg import Episode, TcpState
from oda_teleop.buttons import Gesture, Gestures, parse_gestures
from oda_teleop.hand import ZERO, ZEROED, DeadmanSettings, Hand
from oda_teleop.handover import Handover, Turn
from oda_teleop.ros.actions import Actions
from oda_teleop.shaping import Shaping, shape

NONE = -1  # for an axis that a gamepad does not have


@dataclass(frozen=True, kw_only=True)
class Bindings:
    """Gestures of each action, such as "1 long, 3"; empty: none.

    Raises:
        ValueError: one is no list of gestures.
    """

    start: str = setting("1", "Recover the robot, or begin the next demonstration", mutable=True)
    success: str = setting("2", "End the episode as a success", mutable=True)
    failure: str = setting("1 long, 3", "End the episode as a failure", mutable=True)
    discard: str = setting("1 long, 8", "Take the last demonstration back", mutable=True)
    gear: str = setting("1 double, 5", "Change to the next gear", mutable=True)
    tare: str = setting("6", "Tare the wrench", mutable=True)
    reset: str = setting("7", "Return to the start pose, between episodes", mutable=True)

    def __post_init__(self) -> None:
        self.gestures()

    def used(self) -> set[int]:
        """Numbers of the bound buttons."""
        return {gesture.button for wanted in self._parsed().values() for gesture in wanted}

    def gestures(self) -> Gestures:
        """What to look for."""
        return Gestures(self._parsed())

    def _parsed(self) -> dict[str, tuple[Gesture, ...]]:
        return {f.name: parse_gestures(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True, kw_only=True)
class TeleopParameters(DeadmanSettings):
    """Parameters of the node."""

    device: Literal["spacenav", "joy"] = field(
        default="spacenav",
        metadata={"description": "Whose topics count: the spacenav node's or the joy node's"},
    )
    joy_axes: tuple[int, ...] = setting(
        (4, 3, 1, NONE, NONE, 0), "Of a gamepad: the axes for x, y, z and the turns about them",
        bounds=(NONE, 63),
    )  # fmt: skip
    rate_hz: float = setting(30.0, "Twists per second", bounds=(10.0, 50.0), mutable=True)
    shaping: Shaping = field(default_factory=Shaping)
    buttons: Bindings = field(default_factory=Bindings)

    def __post_init__(self) -> None:
        if len(self.joy_axes) != 6:
            raise ValueError(f"joy_axes: found {len(self.joy_axes)} axes, expected 6")
        if self.deadman_button in self.buttons.used():
            raise ValueError(
                f"deadman_button: found {self.deadman_button}, which is also bound to an action"
            )


class TeleopNode(Node):
    """Follows the device; at each tick publishes what the person wants, if the person holds it."""

    def __init__(self) -> None:
        """Declare parameters, topics and actions."""
        super().__init__("teleop")
        self._settings = declare(self, TeleopParameters)
        self._spec = TaskSpec()
        self._hand = Hand(self._settings, self._settings.shaping)
        self._gestures = self._settings.buttons.gestures()
        self._handover = Handover()
        self._actions = Actions(self, self._shift)
        self._state: bytes | None = None  # newest, serialized
        self._joy: bytes = b""  # newest, without its stamp
        self._warned = ""
        self._twists = self.create_publisher(TwistStamped, topics.TELEOP_TWIST, qos.COMMAND)
        self._diagnostics = Diagnostics(self)
        watch(self, self._settings, self._change)
        self._subscribe()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(1 / self._settings.rate_hz, self._tick, clock=steady)
        self.create_timer(1.0, self._diagnose, clock=steady)

    def _subscribe(self) -> None:
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE, raw=True)
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(Joy, topics.JOY, self._on_gamepad, qos.STATE)
        self.create_subscription(Twist, topics.SPACENAV_TWIST, self._on_twist, qos.STATE)
        self.create_subscription(
            TwistStamped, topics.SPACENAV_TWIST_STAMPED, lambda m: self._on_twist(m.twist),
            qos.STATE,
        )  # fmt: skip
        self.create_subscription(Joy, topics.SPACENAV_JOY, self._on_joy, qos.STATE, raw=True)

    def _change(self, settings: TeleopParameters) -> None:
        self._settings = settings
        self._hand.deadman, self._hand.shaping = settings, settings.shaping
        self._gestures = settings.buttons.gestures()
        self._timer.timer_period_ns = round(1e9 / settings.rate_hz)

    def _on_state(self, cdr: bytes) -> None:
        self._state = cdr

    def _on_episode(self, msg: Episode) -> None:
        self._actions.episode = msg
        mine = self._actions.running and msg.purpose == Episode.PURPOSE_DEMONSTRATION
        self._handover.episode(demonstration=mine)

    def _on_twist(self, msg: Twist) -> None:
        if self._settings.device == "spacenav":
            self._hand.motion(twist_from_msg(msg), time.monotonic())

    def _on_joy(self, cdr: bytes) -> None:
        """The driver repeats itself a thousand times a second: only what is new is decoded."""
        if cdr[12:] != self._joy and self._settings.device == "spacenav":
            self._joy = cdr[12:]
            self._on_buttons(_decode_buttons(cdr))

    def _on_gamepad(self, msg: Joy) -> None:
        if self._settings.device != "joy":
            return
        axes = [*msg.axes, 0.0]  # the last for NONE and for what it does not have
        chosen = [axes[n] if NONE < n < len(axes) else 0.0 for n in self._settings.joy_axes]
        full = self._settings.shaping.full_scale  # a gamepad's axes end at 1
        self._hand.motion(np.array(chosen) * full, time.monotonic())
        self._on_buttons(msg.buttons)

    def _on_buttons(self, levels: Sequence[int]) -> None:
        now_s = time.monotonic()
        pressed, released = self._hand.buttons(levels, now_s)
        found = [a for button in pressed for a in self._gestures.press(button, now_s)]
        found += [a for button in released for a in self._gestures.release(button, now_s)]
        self._perform(found)

    def _perform(self, actions: Sequence[str]) -> None:
        for action in actions:
            self._actions.perform(action)

    def _tick(self) -> None:
        now_s = time.monotonic()
        present = self._hand.present(now_s)
        if not present:
            self._gestures.forget()
        self._perform(self._gestures.poll(now_s))
        turn = self._handover.turn(present=present, holds=self._hand.holds(now_s), now_s=now_s)
        if turn is not Turn.SILENT and self._state is not None:
            self._publish(self._state, self._hand.raw if turn is Turn.MOVE else ZERO)

    def _publish(self, cdr: bytes, raw: np.ndarray) -> None:
        try:
            state = decode_state(cdr)
        except ContractError as error:
            self.get_logger().error(f"not acting: {error}", throttle_duration_sec=1.0)
            return
        twist = shape(raw, self._settings.shaping, state.pose.quaternion, self._spec)
        self._twists.publish(twist_stamped(state.stamp_ns, twist, rclpy_class))

    def _shift(self) -> None:
        shaping = self._settings.shaping
        gear = (shaping.gear + 1) % len(shaping.gears)
        self.set_parameters([Parameter("shaping.gear", value=gear)])
        part = self._settings.shaping.gears[gear]
        self.get_logger().info(f"gear {gear + 1} of {len(shaping.gears)}: {part:.0%} of full speed")

    def _diagnose(self) -> None:
        hand, now_s = self._hand, time.monotonic()
        fault = self._fault(now_s)
        self._diagnostics.publish(
            WARN if fault else OK, fault, present=hand.present(now_s), holds=hand.holds(now_s),
            gear=self._settings.shaping.gear, refused=hand.refused, zeroed=hand.zeroed,
        )  # fmt: skip
        if fault and fault != self._warned:
            self.get_logger().warning(fault)
        elif self._warned and not fault:
            self.get_logger().info("the device is in order")
        self._warned = fault

    def _fault(self, now_s: float) -> str:
        """What is wrong with the device and what to do; empty if nothing."""
        hand, button = self._hand, self._settings.deadman_button
        if not hand.present(now_s):
            return f"no {self._settings.device} messages: plug the device in and start its driver"
        if hand.lapsed:
            return f"the deadman (button {button}) counts no more: let go of it and press it anew"
        if hand.zeroed >= ZEROED:
            return "the driver reports a puck held still as let go: set its zero_when_static false"
        return ""


def _decode_buttons(cdr: bytes) -> Sequence[int]:
    message: Any = deserialize_message(cdr, Joy)
    return message.buttons


def main() -> None:
    """Entry point."""
    run_node(TeleopNode)
