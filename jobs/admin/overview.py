"""What the console's first page shows: live figures of bounded looks, and what has been rolled up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, F, OuterRef, Q, Sum, Value, When, Window
from django.db.models.functions import JSONObject, Now
from django.utils.timezone import now

from jobs import conf, queue_history
from jobs.admin.history_charts import Panel, panels
from jobs.glance import Glance, glance
from jobs.models import BulkOperation, DeadLetterGroup, Schedule, Worker
from jobs.models.dead_letter_group import DeadLetterHour
from jobs.queue_history import History
from jobs.search.sync.state import lag

#: Rows of a list on this page; the whole list is a link away.
MOST: Final = 5
#: Hours of a fingerprint's sparkline.
HOURS: Final = 24
#: A schedule that should have fired so long ago is late.
LATE: Final = timedelta(minutes=1)
#: Older figures are said to be old.
STALE: Final = timedelta(minutes=3)
DEFAULT_RANGE: Final = "1h"


@dataclass(frozen=True, slots=True)
class Workers:
    alive: int
    silent: int
    slots: int
    busy: int

    @property
    def use(self) -> int:
        """Give the percentage of the slots that are busy."""
        return round(100 * self.busy / self.slots) if self.slots else 0


@dataclass(frozen=True, slots=True)
class Overview:
    """What an operator wants to know first; everything is read from small tables, live indexes and roll-ups."""

    span: str
    now: Glance
    workers: Workers
    history: History
    panels: list[Panel]
    open_letters: int
    groups: list[tuple[DeadLetterGroup, list[int]]]
    #: Each with its `trouble`: late, failing or "".
    schedules: list[Any]
    operations: list[BulkOperation]
    #: Seconds that search is behind; None without a search engine.
    search_lag: float | None

    @property
    def stale(self) -> bool:
        """Whether no worker has counted for a while."""
        return self.history.through is None or now() - self.history.through > STALE

    @property
    def counted(self) -> int | None:
        """Give the backlog as it was last counted, where a live look is cut short."""
        known = [point for point in self.history.points if point.known]
        return known[-1].depth if (self.now.more_due or self.now.more_later) and known and not self.stale else None

    @property
    def troubles(self) -> int:
        return len(self.now.paused) + self.workers.silent + len(self.schedules) - len(self.following)

    @property
    def following(self) -> list[Any]:
        """Give the schedules that are due next, of those without trouble."""
        return [each for each in self.schedules if not each.trouble]


def overview(span: str = DEFAULT_RANGE) -> Overview:
    """Look at the whole queue at a glance."""
    history, backlog = queue_history.overall(span, MOST)
    groups = _groups()
    return Overview(
        span=span,
        now=glance(),
        workers=_workers(),
        history=history,
        panels=panels(history, backlog),
        open_letters=groups[0].letters if groups else 0,
        groups=[(group, _by_hour(group.hours)) for group in groups],
        schedules=_schedules(),
        operations=list(BulkOperation.objects.live().order_by("-id")[:MOST]),
        search_lag=lag() if conf.search_urls() else None,
    )


def _workers() -> Workers:
    gone = Q(condition__in=[Worker.Condition.SILENT, Worker.Condition.STOPPED])
    found = (
        Worker.objects.running()
        .with_condition()
        .aggregate(
            alive=Count("pk", filter=~gone),
            silent=Count("pk", filter=Q(condition=Worker.Condition.SILENT)),
            slots=Sum("concurrency", filter=~gone, default=0),
            busy=Sum("running", filter=~gone, default=0),
        )
    )
    return Workers(**found)


def _groups() -> list[Any]:
    """Give the groups that were seen last, with their hours; each knows how many letters all of them have."""
    hours = DeadLetterHour.objects.filter(error_fingerprint=OuterRef("pk"), hour__gte=_first_hour()).order_by()
    found = DeadLetterGroup.objects.on_the_desk().annotate(
        letters=Window(Sum("open_count")), hours=ArraySubquery(hours.values(one=JSONObject(at="hour", count="count")))
    )
    return list(found.order_by("-last_seen_at")[:MOST])


def _by_hour(hours: Iterable[dict[str, Any]]) -> list[int]:
    counts = [0] * HOURS
    for hour in hours:
        place = int((datetime.fromisoformat(hour["at"]) - _first_hour()) / timedelta(hours=1))
        if place < HOURS:
            counts[place] += hour["count"]
    return counts


def _first_hour() -> datetime:
    return now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def _schedules() -> list[Any]:
    """Give those that are late or failing, and then those that are due next."""
    trouble = Case(
        When(~Q(last_error=""), then=Value("failing")),
        When(next_run_at__lt=Now() - LATE, then=Value("late")),
        default=Value(""),
    )
    active = Schedule.objects.visible().filter(is_active=True).annotate(trouble=trouble)
    awaited = F("next_run_at").asc(nulls_last=True)
    bad = active.exclude(Q(trouble="")).order_by(awaited)[:MOST]
    following = active.filter(Q(trouble="", next_run_at__isnull=False)).order_by(awaited)[:MOST]
    return list(bad.union(following, all=True).order_by())


def is_range(span: str) -> bool:
    return span in queue_history.RANGES
