"""Progress of an adaptation, from its feedback: a bar on a terminal, else a line now and then."""

from typing import Any, NamedTuple

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from oda_bringup.cli.console import ERR, say

EVERY = 20  # episodes between lines
NAMES = {
    "encode": "reading the demonstrations",
    "evaluate_initial": "evaluating with demonstrations only",
    "finetune": "finetuning",
    "evaluate_final": "evaluating after finetuning",
}


class Line(NamedTuple):
    """What one message of feedback says."""

    phase: str
    episodes: int
    successes: int
    robot_min: float

    def __str__(self) -> str:
        return (
            f"{self.successes}/{self.episodes} inserted, robot time {self.robot_min:.1f} min"
            if self.episodes
            else ""
        )


class Phases:
    """Shows the phases one after the other."""

    def __init__(self, trials: int, training_episodes: int) -> None:
        """Show nothing yet; the arguments are the lengths of the phases."""
        totals = {"finetune": training_episodes, "encode": 1}
        self._totals = {name: totals.get(name, trials) for name in NAMES}
        self._last: Line | None = None
        self.episodes = 0  # seen in all phases
        self._bars = _bars() if ERR.is_terminal else None
        self._task: TaskID | None = None

    def show(self, feedback: Any) -> None:
        """Take one message of feedback."""
        minutes = feedback.robot_time_s / 60
        line = Line(feedback.phase, feedback.episodes, feedback.successes, minutes)
        self.episodes += bool(line.episodes)
        begins = self._last is None or self._last.phase != line.phase
        if begins:
            self._begin(line)
        self._last = line
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=line.episodes, detail=str(line))
        elif line.episodes and line.episodes % EVERY == 0:
            say(f"  {line}")

    def close(self) -> None:
        """Finish what is shown."""
        self._finish()
        if self._bars is not None:
            self._bars.stop()

    def _begin(self, line: Line) -> None:
        self._finish()
        label = NAMES.get(line.phase, line.phase)
        if self._bars is None:
            say(label)
            return
        self._bars.start()
        total = self._totals.get(line.phase)
        self._task = self._bars.add_task(label, total=total, detail="")

    def _finish(self) -> None:
        if self._last is None:
            return
        if self._bars is None:
            if self._last.episodes % EVERY:
                say(f"  {self._last}")
        elif self._task is not None:
            done = max(self._last.episodes, 1)  # reading demonstrations runs no episode
            self._bars.update(self._task, total=done, completed=done)
            self._bars.stop_task(self._task)
        self._last = None


def _bars() -> Progress:
    columns = (
        TextColumn("{task.description:<36}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=ERR)
