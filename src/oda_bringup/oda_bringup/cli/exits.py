"""Exit codes of every command."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    NOT_ACCEPTED = 1  # the work was done; its result is below what was asked for
    BAD_INPUT = 2
    NODE_DIED = 3
    INTERRUPTED = 130
