"""What the pages and the API show, from the roll-ups alone: never from the log, however much is in it.

Everyone's figures have '' for the user; a user's own have theirs. What is told by the hour reads hours, which are kept
for ANALYTICS_HOURLY_DAYS only; what is told by the day reads days; sums over a period read days, and hours at its ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from django.db import connections, router
from django.db.models import Count, QuerySet, Sum

from analytics.histograms import Histogram, percentiles
from analytics.models import CacheMetrics, ErrorDay, ErrorHour, RollupState, UsageDay, UsageHour
from analytics.periods import Granularity, Period

#: The user of the rows of all users together.
EVERYONE: Final = ""
#: The language_title of the rows of all functions together.
ALL: Final = ""
#: Functions that one answer has at most; those with the most requests come first.
MOST_FUNCTIONS: Final = 200
#: The same for kinds of errors.
MOST_ERRORS: Final = 200

_TOTALS: Final = (files("analytics") / "sql" / "queries" / "function_totals.sql").read_text()
_ERRORS: Final = (files("analytics") / "sql" / "queries" / "error_groups.sql").read_text()
_SUMS: Final = (
    *("requests", "successes", "errors", "cached", "duration_sum", "duration_min", "duration_max"),
    *("cached_duration_sum", "memory_sum", "memory_count", "cpu_sum", "cpu_count"),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What some requests come to; what no request tells of is None."""

    requests: int = 0
    successes: int = 0
    errors: int = 0
    cached: int = 0
    avg_duration_ms: float | None = None
    min_duration_ms: int | None = None
    max_duration_ms: int | None = None
    avg_cached_duration_ms: float | None = None
    memory_usage_mb: float | None = None
    cpu_usage_percent: float | None = None
    #: In the order of the percentiles that were asked for; empty if none were.
    percentiles: tuple[float, ...] = ()

    @property
    def error_ratio(self) -> float | None:
        return self.errors / self.requests if self.requests else None

    @property
    def cache_hit_ratio(self) -> float | None:
        return self.cached / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Use:
    """One function's hour or day."""

    begin: datetime
    language_title: str
    figures: Figures
    #: Who called it; known of days of all users.
    unique_users: int | None


@dataclass(frozen=True, slots=True)
class Performance:
    """One function over the whole period."""

    language_title: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Point:
    """All functions, or the one asked for, in one hour or day; also where there was nothing."""

    begin: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """One kind of error of one function over the period, counted in the hours of its requests."""

    language_title: str
    error_code: str
    errors: int
    first_occurrence: datetime
    last_occurrence: datetime
    most_common_status: int
    #: The latest request with it: the id of its RequestLog.
    example: UUID


@dataclass(frozen=True, slots=True)
class ErrorPoint:
    begin: datetime
    #: Failed attempts by their code.
    errors: dict[str, int]


@dataclass(frozen=True, slots=True)
class CacheState:
    """The whole cache on the latest day of the period that metrics were made for."""

    day: datetime
    evictions: int
    memory_usage_mb: float


def data_through() -> datetime | None:
    """Give the moment that the figures reach to; None before the first roll-up."""
    return RollupState.objects.values_list("data_through", flat=True).first()


def total(
    period: Period, wanted: Sequence[float] = (), *, user_id: str = EVERYONE, language_title: str | None = None
) -> Figures:
    """Sum up the whole period; `wanted` are percentiles such as 99.9."""
    totals = _totals(period, wanted, user_id, language_title or ALL, 1)
    return totals[0].figures if totals else Figures()


def active_users(period: Period, *, language_title: str | None = None) -> int:
    """Count who called in the period, by days: a period by the hour counts the days that it touches."""
    begin, end = Granularity.DAY.floor(period.begin), Granularity.DAY.ceil(period.end)
    days = UsageDay.objects.filter(day__gte=begin, day__lt=end, language_title=language_title or ALL)
    found: int = days.exclude(user_id=EVERYONE).aggregate(users=Count("user_id", distinct=True))["users"]
    return found


def usage(period: Period, *, user_id: str = EVERYONE, language_title: str | None = None) -> list[Use]:
    """Give each function's hours or days in which it was called, in the order of time, busiest functions first."""
    rows = _of_functions(_rows(period, user_id), language_title)
    moment, days = _moment(period), period.granularity is Granularity.DAY
    fields = (moment, "language_title", *_SUMS, *(("unique_users",) if days else ()))
    return [
        Use(row[moment], row["language_title"], _figures(row), row["unique_users"] if days and not user_id else None)
        for row in rows.order_by(moment, "-requests", "language_title").values(*fields)
    ]


def performance(
    period: Period, wanted: Sequence[float], *, user_id: str = EVERYONE, language_title: str | None = None
) -> list[Performance]:
    """Give each function over the whole period, busiest first, at most MOST_FUNCTIONS."""
    return _totals(period, wanted, user_id, language_title, MOST_FUNCTIONS)


def timeseries(
    period: Period, wanted: Sequence[float] = (), *, user_id: str = EVERYONE, language_title: str | None = None
) -> list[Point]:
    """Give every hour or day of the period, those without a request as well."""
    moment = _moment(period)
    rows = _rows(period, user_id).filter(language_title=language_title or ALL)
    fields = (moment, *_SUMS, *(("buckets", "counts") if wanted else ()))
    found = {
        row[moment]: _figures(row, (row["buckets"], row["counts"]) if wanted else None, wanted)
        for row in rows.order_by().values(*fields)
    }
    return [Point(begin, found.get(begin, Figures())) for begin in period.slots()]


def errors(period: Period, *, user_id: str = EVERYONE, language_title: str | None = None) -> list[ErrorGroup]:
    """Give the kinds of errors over the period, most frequent first, at most MOST_ERRORS."""
    parameters = _window(period) | {"user_id": user_id, "title": language_title, "limit": MOST_ERRORS}
    return [ErrorGroup(*row) for row in _fetch(_ERRORS, parameters)]


def error_timeseries(period: Period, *, user_id: str = EVERYONE, language_title: str | None = None) -> list[ErrorPoint]:
    """Give every hour or day of the period with its failed attempts by their code."""
    points: dict[datetime, dict[str, int]] = {begin: {} for begin in period.slots()}
    moment = _moment(period)
    rows = _error_rows(period, user_id, language_title).order_by().values(moment, "error_code")
    for row in rows.annotate(times=Sum("errors")):
        points[row[moment]][row["error_code"]] = row["times"]
    return [ErrorPoint(begin, codes) for begin, codes in points.items()]


def cache_state(period: Period) -> CacheState | None:
    """Give what is known of the cache as a whole; hits and misses are in the other reports' figures."""
    metrics = CacheMetrics.objects.filter(timestamp__gte=period.begin, timestamp__lt=period.end)
    found = metrics.order_by("-timestamp").values("timestamp", "evictions", "memory_usage_mb").first()
    return CacheState(found["timestamp"], found["evictions"], found["memory_usage_mb"]) if found else None


def _moment(period: Period) -> str:
    return "day" if period.granularity is Granularity.DAY else "hour"


def _rows(period: Period, user_id: str) -> QuerySet[Any]:
    model: type[UsageDay | UsageHour] = UsageDay if period.granularity is Granularity.DAY else UsageHour
    moment = _moment(period)
    return model.objects.filter(**{"user_id": user_id, f"{moment}__gte": period.begin, f"{moment}__lt": period.end})


def _of_functions(rows: QuerySet[Any], language_title: str | None) -> QuerySet[Any]:
    return rows.filter(language_title=language_title) if language_title else rows.exclude(language_title=ALL)


def _error_rows(period: Period, user_id: str, language_title: str | None) -> QuerySet[Any]:
    model: type[ErrorDay | ErrorHour] = ErrorDay if period.granularity is Granularity.DAY else ErrorHour
    moment = _moment(period)
    rows = model.objects.filter(**{"user_id": user_id, f"{moment}__gte": period.begin, f"{moment}__lt": period.end})
    return rows.filter(language_title=language_title) if language_title else rows


def _window(period: Period) -> dict[str, datetime]:
    """Give the period, and the whole days in it; where there are none the first day is after the last."""
    first_day, end_day = Granularity.DAY.ceil(period.begin), Granularity.DAY.floor(period.end)
    return {"begin": period.begin, "end": period.end, "first_day": first_day, "end_day": end_day}


def _totals(period: Period, wanted: Sequence[float], user_id: str, title: str | None, limit: int) -> list[Performance]:
    asked = {"user_id": user_id, "title": title, "limit": limit, "histograms": bool(wanted)}
    return [
        Performance(title, _figures(dict(zip(_SUMS, sums, strict=True)), (buckets, counts), wanted))
        for title, *sums, buckets, counts in _fetch(_TOTALS, _window(period) | asked)
    ]


def _fetch(statement: str, parameters: dict[str, Any]) -> list[Any]:
    with connections[router.db_for_read(UsageHour)].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _figures(row: Mapping[str, Any], counted: Histogram | None = None, wanted: Sequence[float] = ()) -> Figures:
    if not row["requests"]:
        return Figures()
    found = percentiles(counted, [percent / 100 for percent in wanted]) if counted and wanted else None
    return Figures(
        requests=row["requests"],
        successes=row["successes"],
        errors=row["errors"],
        cached=row["cached"],
        avg_duration_ms=float(row["duration_sum"] / row["requests"]),
        min_duration_ms=row["duration_min"],
        max_duration_ms=row["duration_max"],
        avg_cached_duration_ms=_average(row["cached_duration_sum"], row["cached"]),
        memory_usage_mb=_average(row["memory_sum"], row["memory_count"]),
        cpu_usage_percent=_average(row["cpu_sum"], row["cpu_count"]),
        percentiles=tuple(found or ()),
    )


def _average(total: float, count: int) -> float | None:
    return float(total / count) if count else None
