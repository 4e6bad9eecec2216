"""Progress for people: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from jobs.search.sync.progress import Progress

#: Where nothing can be painted over, a line so often is enough.
SECONDS_BETWEEN_LINES: Final = 10.0


@contextmanager
def shown(stream: TextIO) -> Iterator[Progress]:
    """Show progress on this stream, until the end of the block."""
    console = Console(file=stream)
    if not console.is_terminal:
        lines = Lines(stream)
        yield lines
        lines.end()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Count(), _Rate(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:
        yield Bar(bars)


class Bar:
    """One bar for each part."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: Task | None = None

    def begin(self, what: str, total: int | None = None, done: int = 0) -> None:
        self._close()
        number = self._bars.add_task(what, total=total and max(total, done), completed=done, before=done)
        self._task = next(task for task in self._bars.tasks if task.id == number)

    def advance(self, count: int) -> None:
        if self._task is None:
            return
        completed = self._task.completed + count
        # An estimate that was too low.
        total = None if self._task.total is None else max(self._task.total, completed)
        self._bars.update(self._task.id, completed=completed, total=total)

    def note(self, line: str) -> None:
        self._bars.console.print(line, highlight=False, markup=False)

    def _close(self) -> None:
        if self._task is not None:
            self._bars.update(self._task.id, total=self._task.completed)
            self._bars.stop_task(self._task.id)


class Lines:
    """A line when a part begins, one now and then, and one at its end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._what = ""
        self._total: int | None = None
        self._done = self._before = 0
        self._began = self._told = time.monotonic()

    def begin(self, what: str, total: int | None = None, done: int = 0) -> None:
        self.end()
        self._what, self._total, self._done, self._before = what, total, done, done
        self._began = self._told = time.monotonic()
        self.note(f"{what}{f', from {done:,} on' if done else ''} …")

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self._tell(left=True)

    def note(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        """Close the part that was begun last."""
        if self._what and self._done > self._before:
            self._tell(left=False)
        self._what = ""

    def _tell(self, left: bool) -> None:
        line = f"{self._what}: {self._done:,}"
        rate = (self._done - self._before) / max(time.monotonic() - self._began, 1e-6)
        if left and self._total and rate:
            rest = timedelta(seconds=round(max(0, self._total - self._done) / rate))
            line += f" of about {max(self._total, self._done):,}, {rest} left"
        self.note(f"{line}, {rate:,.0f}/s")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        whole = f" of about {task.total:,.0f}" if task.total and not task.finished else ""
        return Text(f"{task.completed:,.0f}{whole}")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        # Of this run, without what was done before it.
        done, elapsed = task.completed - task.fields["before"], task.elapsed
        return Text(f"{done / elapsed:,.0f}/s" if done and elapsed else "")
