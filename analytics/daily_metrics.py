"""The metrics of each day and function, and what they are made of beside the roll-ups."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef

from accounts.redis_link import RedisAway
from analytics.models import CacheReading, RuntimeMetrics, UsageDay
from analytics.rollups import call
from jobs.cache_backend import cache_figures

#: Days that one run makes up for at most.
MOST_DAYS: Final = 31


def read_cache() -> None:
    """Write down what the result cache says of itself, if it says anything: a Redis may be away."""
    try:
        evictions, megabytes = cache_figures()
    except RedisAway:
        return
    CacheReading.objects.create(evictions=evictions, memory_usage_mb=megabytes)


def aggregate(day: date) -> int:
    """Make one day's metrics, as often as you like; gives the number of functions."""
    functions: int = call("aggregate_daily_metrics", day)
    return functions


def aggregate_missing() -> list[date]:
    """Make the metrics of days that are over and have none yet, the newest first; and refresh the daily statistics."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    over = UsageDay.objects.filter(user_id="", day__lt=today).exclude(language_title="")
    if settings.ANALYTICS_METRICS_DAYS:
        # Older ones have been deleted on purpose.
        over = over.filter(day__gte=today - timedelta(days=settings.ANALYTICS_METRICS_DAYS))
    made = RuntimeMetrics.objects.filter(timestamp=OuterRef("day"), language_title=OuterRef("language_title"))
    missing = over.filter(~Exists(made)).order_by("-day").values_list("day", flat=True).distinct()
    days = [day.date() for day in missing[:MOST_DAYS]]
    for day in days:
        aggregate(day)
    refresh()
    return days


def refresh() -> None:
    """Bring the materialised view of daily statistics up to date."""
    call("refresh_daily_stats")


def clean_up(days: int) -> int:
    """Delete metrics, error days and cache readings that are older; gives how many rows."""
    deleted: int = call("cleanup_old_metrics", days)
    return deleted


def clean_up_old() -> None:
    if settings.ANALYTICS_METRICS_DAYS:
        clean_up(settings.ANALYTICS_METRICS_DAYS)
