"""The life of a job as a picture: one bar for its attempts and waits, and below it one for each of its tasks."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from math import sqrt
from typing import Final

from django.utils.timezone import now
from django.utils.translation import gettext as _

from jobs.admin.attempts import FailedAttempt
from jobs.admin.display import span
from jobs.admin.life import Stretch, life
from jobs.admin.tasks import TaskLine, TaskPanel, longest_tasks
from jobs.models import AuditEntry, DeadLetter, Job, Task
from jobs.statuses import Status

#: What a bar is wide, in units of its own: the page stretches it.
WIDTH: Final = 1000
#: What is shorter is drawn so wide nevertheless, or nobody would see it, nor hit it with a pointer.
NARROWEST: Final = 7.0
LEAST: Final = 3.0
#: Tasks that are drawn; the table below the picture has the others.
TASKS: Final = 12

_PEOPLE: Final = {"retry", "redrive", "cancel", "release"}


@dataclass(frozen=True, slots=True)
class Bar:
    kind: str
    title: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture."""

    name: str
    bars: list[Bar]
    took: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: somebody did something."""

    x: float
    title: str


@dataclass(frozen=True, slots=True)
class Timeline:
    stretches: list[Stretch]
    main: Lane
    tasks: list[Lane] = field(default_factory=list)
    #: Tasks that are not drawn.
    more: int = 0
    marks: list[Mark] = field(default_factory=list)
    #: Whether equal lengths of time are equally wide.
    even: bool = True

    @property
    def begin(self) -> datetime:
        return self.stretches[0].begin

    @property
    def end(self) -> datetime:
        return self.stretches[-1].end

    @property
    def length(self) -> timedelta:
        return self.end - self.begin

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Give the colours that there are, each with a word for it."""
        words = {
            "waiting": _("waits for a worker"),
            "backoff": _("waits for its time"),
            "running": _("runs"),
            "completed": _("completed"),
            "failed": _("failed"),
            "cancelled": _("cancelled"),
            "dead": _("dead letter"),
            "ahead": _("still to come"),
        }
        found = {stretch.kind for stretch in self.stretches}
        return [(kind, word) for kind, word in words.items() if kind in found]

    @property
    def summary(self) -> str:
        return _("{number} stretches in {span}; the table below says the same.").format(
            number=len(self.stretches), span=span(self.length)
        )


def timeline(
    job: Job,
    errors: Sequence[FailedAttempt],
    letters: Iterable[DeadLetter],
    history: Iterable[AuditEntry],
    panel: TaskPanel | None = None,
) -> Timeline | None:
    """Draw a job's life so far; None for one that has none, because it was cancelled before anything came of it."""
    at = now()
    stretches = life(job, errors, letters, at)
    if not stretches:
        return None
    scale = Scale(stretches)
    lane = Lane(_("Attempts"), [scale.bar(each.kind, _title(each), each.begin, each.end) for each in stretches])
    tasks, more = _tasks(job, panel, scale, at)
    return Timeline(stretches, lane, tasks, more, list(_marks(job, history, scale)), scale.even)


class Scale:
    """Where a moment stands. Where the shortest stretches would vanish beside the longest, those are drawn shorter."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        lengths = [max(stretch.length.total_seconds(), 0.001) for stretch in stretches]
        narrowest = min(NARROWEST, WIDTH / 2 / len(lengths))
        self.even = min(lengths) / sum(lengths) * WIDTH >= narrowest
        shares = lengths if self.even else [sqrt(length) for length in lengths]
        least = 0.0 if self.even else narrowest
        room = WIDTH - least * len(shares)
        widths = [least + room * share / sum(shares) for share in shares]
        self._moments = [stretches[0].begin, *(stretch.end for stretch in stretches)]
        self._places = [0.0, *accumulate(widths)]

    def place(self, at: datetime) -> float:
        """Give where a moment stands, within the picture."""
        if at <= self._moments[0]:
            return 0.0
        number = bisect_right(self._moments, at)
        if number >= len(self._moments):
            return float(WIDTH)
        before, behind = self._moments[number - 1], self._moments[number]
        left, right = self._places[number - 1], self._places[number]
        return left + (right - left) * ((at - before) / (behind - before))

    def bar(self, kind: str, title: str, begin: datetime, end: datetime) -> Bar:
        x = min(self.place(begin), WIDTH - LEAST)
        return Bar(kind, title, round(x, 1), round(max(self.place(end) - x, LEAST), 1))


def _title(stretch: Stretch) -> str:
    words = f"{stretch.label}: {span(stretch.length)}"
    return f"{words}\n{stretch.words}" if stretch.words else words


def _tasks(job: Job, panel: TaskPanel | None, scale: Scale, at: datetime) -> tuple[list[Lane], int]:
    """Give the lanes of the tasks that took longest, in the order of the job's code, and how many others there are."""
    if panel is None:
        return [], 0
    begun = [line for line in panel.lines if line.started_at and not line.is_item]
    if panel.more:
        begun = longest_tasks(job, TASKS)
    longest = sorted(begun, key=lambda line: (line.ended_at or at) - (line.started_at or at), reverse=True)[:TASKS]
    drawn = sorted(longest, key=lambda line: line.position)
    others = panel.begun - len(drawn) if panel.more else len(begun) - len(drawn)
    return [_lane(line, job, scale, at) for line in drawn], max(0, others)


def _lane(line: TaskLine, job: Job, scale: Scale, at: datetime) -> Lane:
    begin = line.started_at or at
    goes_on = job.status in {Status.PROCESSING, Status.PENDING}
    end = max(line.ended_at or (at if goes_on else job.updated_at), begin)
    kinds = {"completed": "completed", "failed": "failed", "cancelled": "cancelled"}
    waits = line.kind in {Task.Kind.SLEEP, Task.Kind.EVENT}
    kind = "backoff" if waits else kinds.get(line.status, "running" if goes_on else "cancelled")
    took = span(end - begin)
    title = f"{line.name}: {took}" + (f"\n{line.error[:200]}" if line.error else "")
    return Lane(line.name, [scale.bar(kind, title, begin, end)], took)


def _marks(job: Job, history: Iterable[AuditEntry], scale: Scale) -> Iterable[Mark]:
    if job.cancel_requested_at:
        yield Mark(round(scale.place(job.cancel_requested_at), 1), _("Somebody asked to cancel it"))
    for entry in history:
        if entry.action in _PEOPLE and not (entry.action == "cancel" and job.cancel_requested_at):
            title = _("{person}: {action}").format(person=entry.actor_name, action=entry.action)
            yield Mark(round(scale.place(entry.at), 1), title)
