"""Buttons of a device: what is held, and the gestures that mean an action.

A gesture is the number of a button, alone for a press, or with a word: "1", "1 long", "1 double".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

LONG_S = 0.8  # a press that lasts this long is a long one
DOUBLE_S = 0.35  # a second press within this time makes a double one

Kind = Literal["press", "long", "double"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Gesture(NamedTuple):
    """What a person does with one button."""

    button: int
    kind: Kind


def parse_gestures(text: str) -> tuple[Gesture, ...]:
    """The gestures of a list such as "1 long, 3"; none of an empty one.

    Raises:
        ValueError: it is no such list.
    """
    return tuple(_parse(part.split()) for part in text.split(",") if part.strip())


def _parse(words: Sequence[str]) -> Gesture:
    kind = words[1] if len(words) > 1 else "press"
    if len(words) > 2 or not words[0].isdecimal() or kind not in KINDS:
        raise ValueError(
            f"gesture: found {' '.join(words)!r}, expected the number of a button, from 0, alone "
            "or with long or double"
        )
    return Gesture(int(words[0]), kind)


class Levels:
    """Which buttons are down.

    A driver leaves its list empty before the first press, and an old one between presses too: no
    list is no news. A button beyond the end of the list is up.
    """

    def __init__(self) -> None:
        """All up."""
        self._down: frozenset[int] = frozenset()

    def update(self, buttons: Sequence[int]) -> tuple[frozenset[int], frozenset[int]]:
        """Take a list of 0 and 1; the buttons that went down and those that went up."""
        if not len(buttons):
            return frozenset(), frozenset()
        down = frozenset(number for number, level in enumerate(buttons) if level)
        pressed, released = down - self._down, self._down - down
        self._down = down
        return pressed, released

    def is_down(self, button: int) -> bool:
        """Whether a button is held."""
        return button in self._down


@dataclass
class _Press:
    since_s: float
    down: bool = True
    used: bool = False  # a long or double one has fired
    again: bool = False  # it is the second of two


class Gestures:
    """Find gestures in presses and releases; times are passed in [s]."""

    def __init__(self, actions: Mapping[str, Sequence[Gesture]]) -> None:
        """Know what each action waits for; gestures that none waits for delay nothing."""
        self._actions = actions
        self._wanted = {gesture for wanted in actions.values() for gesture in wanted}
        self._presses: dict[int, _Press] = {}

    def press(self, button: int, now_s: float) -> list[str]:
        """A button went down; the actions that this means."""
        before = self._presses.get(button)
        again = before is not None and now_s - before.since_s <= DOUBLE_S and not before.again
        self._presses[button] = press = _Press(now_s, again=again)
        if again and Gesture(button, "double") in self._wanted:
            press.used = True
            return self._mean(Gesture(button, "double"))
        return [] if self._may_become_more(button) else self._fire(press, button)

    def release(self, button: int, now_s: float) -> list[str]:
        """A button went up; the actions that this means."""
        press = self._presses.get(button)
        if press is None:
            return []
        press.down = False
        waits = Gesture(button, "double") in self._wanted
        return [] if press.used or waits else self._fire(press, button)

    def poll(self, now_s: float) -> list[str]:
        """The actions that the passing of time means; call it often."""
        found: list[str] = []
        for button, press in self._presses.items():
            age_s = now_s - press.since_s
            if press.used:
                continue
            if press.down and age_s >= LONG_S and Gesture(button, "long") in self._wanted:
                press.used = True
                found += self._mean(Gesture(button, "long"))
            elif not press.down and age_s > DOUBLE_S:
                found += self._fire(press, button)
        return found

    def forget(self) -> None:
        """The device is gone: what was begun means nothing."""
        self._presses.clear()

    def _may_become_more(self, button: int) -> bool:
        return bool({Gesture(button, "long"), Gesture(button, "double")} & self._wanted)

    def _fire(self, press: _Press, button: int) -> list[str]:
        if press.used:
            return []
        press.used = True
        return self._mean(Gesture(button, "press"))

    def _mean(self, gesture: Gesture) -> list[str]:
        return [action for action, wanted in self._actions.items() if gesture in wanted]
