"""What commands write: results on standard output, all else on standard error."""

import sys
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

T = TypeVar("T")
WIDTH = 120  # where the output is no terminal


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else WIDTH
    return Console(stderr=stream is sys.stderr, highlight=False, soft_wrap=True, width=width)


OUT = _console(sys.stdout)
ERR = _console(sys.stderr)


def complain(message: object) -> None:
    """One line that says what is wrong."""
    ERR.print("[bold red]error:[/]", str(message), markup=True, style=None)


def say(message: str) -> None:
    """One line for the person who waits."""
    ERR.print(message, markup=False)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table on standard output; columns of numbers stand to the right."""
    texts = [[str(value) for value in row] for row in rows]
    result = Table(show_edge=False, pad_edge=False)
    for i, column in enumerate(columns):
        numbers = all(row[i][:1].isdigit() or row[i] == "-" for row in texts)
        result.add_column(column, justify="right" if texts and numbers else "left")
    for row in texts:
        result.add_row(*row)
    OUT.print(result)


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars on standard error, with what is done and how long the rest takes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR, transient=False) as bars:
        yield bars


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """The items, with a bar; total is needed where the items have no length."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress() as bars:
        task = bars.add_task(label, total=total)
        for item in items:
            yield item
            bars.advance(task)
