"""What happened in the queues: read from the roll-ups of jobs.sampling, never from jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from django.db.models import Case, F, Q, Subquery, When
from django.utils.timezone import now

from jobs.models import QueueMinute, QueueTotal
from jobs.models.counter import RUN_TIME_BUCKETS
from jobs.models.queue_minute import ALL_QUEUES, HOUR, MINUTE, QUARTER
from jobs.models.wait_counter import WAIT_BUCKETS

#: How many slots of how many minutes each, and the rows that they are read from.
RANGES: Final[dict[str, tuple[int, int, int]]] = {
    "1h": (60, 1, MINUTE),
    "24h": (96, 15, QUARTER),
    "7d": (84, 120, HOUR),
}
#: Whoever looks a little late, because other chores took their time, has not left a gap.
_LATE_MINUTES: Final = 3

_COUNTS: Final = ("enqueued", "attempts", "completed", "retried", "cancelled", "dead")
_MOST: Final = ("depth", "oldest", "running", "workers", "slots")
#: What is read of all queues together, beside the depth.
_COLUMNS: Final = ("seconds", *_COUNTS, "oldest", "running", "workers", "slots", "waits", "runs")


@dataclass(slots=True)
class Point:
    """One slot of time; `known` says whether anybody looked. Percentiles are None where nothing was begun or run."""

    at: datetime
    minutes: int
    known: bool = False
    #: How long the counts took to come together, in seconds.
    seconds: float = 0.0
    enqueued: int = 0
    attempts: int = 0
    completed: int = 0
    retried: int = 0
    cancelled: int = 0
    dead: int = 0
    depth: int = 0
    oldest: float = 0.0
    running: int = 0
    workers: int = 0
    slots: int = 0
    waits: list[int] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)

    @property
    def started(self) -> int:
        return sum(self.waits)

    @property
    def failed(self) -> int:
        """Attempts that failed: tried again, or given up."""
        return self.retried + self.dead

    @property
    def failure_rate(self) -> float | None:
        ended = self.completed + self.failed
        return self.failed / ended if ended else None

    def per_minute(self, count: int) -> float | None:
        """Spread a count over the time that it took to come together; None where nobody knows."""
        return count * 60 / self.seconds if self.seconds else None

    def wait(self, fraction: float) -> float | None:
        return percentile(WAIT_BUCKETS, self.waits, fraction)

    def run(self, fraction: float) -> float | None:
        return percentile(RUN_TIME_BUCKETS, self.runs, fraction)


@dataclass(frozen=True, slots=True)
class History:
    """A queue, or all of them, over a time."""

    points: list[Point]
    #: When somebody last looked; None before the first time.
    through: datetime | None

    @property
    def whole(self) -> Point:
        """Everything together: counts and histograms added up, the most of what was seen at once."""
        found = Point(self.points[0].at, sum(point.minutes for point in self.points))
        for point in self.points:
            _add(found, point)
            found.known |= point.known
            found.seconds += point.seconds
        return found


def history(queue: str | None, span: str, until: datetime | None = None) -> History:
    """Give the last hour ("1h"), day ("24h") or week ("7d") of a queue, of all queues if it is None."""
    return History(_points([queue or ALL_QUEUES], span, until)[queue or ALL_QUEUES], last_look())


def overall(span: str, most: int, until: datetime | None = None) -> tuple[History, dict[str, list[int]]]:
    """Give all queues together, and the backlog of the fullest of them by slot, in one query.

    The others' backlog stands under the name "" where there are more queues than `most`.
    """
    _slots, minutes, grain = RANGES[span]
    begin = _begin(span, until)
    # Of single queues, of which there may be many rows, only the depths are read.
    wanted = {f"of_{name}": Case(When(queue=ALL_QUEUES, then=F(name))) for name in _COLUMNS}
    rows = (
        QueueMinute.objects.filter(Q(queue=ALL_QUEUES) | Q(depth__gt=0), grain=grain, at__gte=begin)
        .annotate(through=Subquery(QueueTotal.objects.filter(queue=ALL_QUEUES).values("at")[:1]), **wanted)
        .order_by("at")
        .values_list("queue", "at", "depth", "through", *wanted)
    )
    together, backlog, through = [], [], None
    for queue, at, depth, looked, *columns in rows:
        through = looked
        if queue == ALL_QUEUES:
            values = dict(zip(_COLUMNS, columns, strict=True))
            together.append(QueueMinute(queue=queue, at=at, depth=depth, **values))
        else:
            backlog.append((queue, _place(at, begin, minutes), depth))
    points = _points([ALL_QUEUES], span, until, together)[ALL_QUEUES]
    return History(points, through or last_look()), _fullest(backlog, len(points), most)


def last_look() -> datetime | None:
    """Say when the queues were last looked at; None before the first time."""
    return QueueTotal.objects.filter(queue=ALL_QUEUES).values_list("at", flat=True).first()


def _fullest(backlog: Iterable[tuple[str, int, int]], slots: int, most: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for queue, place, depth in backlog:
        if place < slots:
            line = found.setdefault(queue, [0] * slots)
            line[place] = max(line[place], depth)
    fullest = sorted(found, key=lambda queue: (-sum(found[queue]), queue))
    named = {queue: found[queue] for queue in fullest[:most]}
    if others := fullest[most:]:
        named[ALL_QUEUES] = [sum(numbers) for numbers in zip(*(found[queue] for queue in others), strict=True)]
    return named


def histories(queues: Sequence[str], span: str, until: datetime | None = None) -> dict[str, list[Point]]:
    """Give the points of several queues, in one query."""
    return _points(queues, span, until)


def percentile(bounds: Sequence[float], counts: Sequence[int], fraction: float) -> float | None:
    """Read a percentile off a histogram, as if values were spread evenly in each bucket; None of nothing.

    What is longer than the last bound counts as that bound. Percentiles are read off merged histograms: the mean of
    percentiles says nothing of the whole.
    """
    rank, before = fraction * sum(counts), 0
    for place, count in enumerate(counts):
        if count and before + count >= rank:
            if place >= len(bounds):
                return bounds[-1]
            low = bounds[place - 1] if place else 0.0
            return low + (bounds[place] - low) * (rank - before) / count
        before += count
    return None


def _points(
    queues: Sequence[str], span: str, until: datetime | None, rows: Iterable[QueueMinute] | None = None
) -> dict[str, list[Point]]:
    slots, minutes, grain = RANGES[span]
    begin = _begin(span, until)
    found = {queue: [Point(begin + timedelta(minutes=minutes * n), minutes) for n in range(slots)] for queue in queues}
    if rows is None:
        rows = QueueMinute.objects.filter(queue__in={ALL_QUEUES, *queues}, grain=grain, at__gte=begin).order_by("at")
    for row in rows:
        place = _place(row.at, begin, minutes)
        if place >= slots:
            continue
        if row.queue == ALL_QUEUES:
            # It tells whether anybody looked, for every queue.
            for points in found.values():
                points[place].known = True
                points[place].seconds += row.seconds
        if row.queue in found:
            _add(found[row.queue][place], row)
    if grain == MINUTE:
        for points in found.values():
            _bridge(points)
    return found


def _begin(span: str, until: datetime | None) -> datetime:
    """Begin at a whole slot, so that what was counted does not change its place with every look."""
    slots, minutes, _ = RANGES[span]
    size = timedelta(minutes=minutes)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    current = epoch + ((until or now()) - epoch) // size * size
    return current - (slots - 1) * size


def _place(at: datetime, begin: datetime, minutes: int) -> int:
    return int((at - begin) / timedelta(minutes=minutes))


def _add(point: Point, more: Point | QueueMinute) -> None:
    for name in _COUNTS:
        setattr(point, name, getattr(point, name) + getattr(more, name))
    for name in _MOST:
        setattr(point, name, max(getattr(point, name), getattr(more, name)))
    point.waits = _sum(point.waits, more.waits)
    point.runs = _sum(point.runs, more.runs)


def _sum(ours: Sequence[int], more: Sequence[int]) -> list[int]:
    if not ours or not more:
        return list(ours or more)
    return [a + b for a, b in zip(ours, more, strict=True)]


def _bridge(points: list[Point]) -> None:
    """Take a minute for known whose counts came with the next look, a little late: it has its share of them."""
    for point, then in reversed(list(pairwise(points))):
        if point.known or not then.known or not 90 < then.seconds < 60 * (_LATE_MINUTES + 1):
            continue
        for name in _COUNTS:
            share = round(getattr(then, name) * 60 / then.seconds)
            setattr(point, name, share)
            setattr(then, name, getattr(then, name) - share)
        for name in _MOST:
            setattr(point, name, getattr(then, name))
        point.known, point.seconds, then.seconds = True, 60.0, then.seconds - 60
