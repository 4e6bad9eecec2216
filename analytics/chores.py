"""What keeps the figures up to date: by the workers as chores, or by the database itself through pg_cron."""

from typing import Final

from django.conf import settings
from django.db import router

from analytics import daily_metrics, rollups
from analytics.models import UsageHour
from jobs import pg_cron
from jobs.chores import chore

#: Seconds.
MINUTE: Final = 60.0
HOUR: Final = 3600.0


def register() -> None:
    """Have the workers do it, and pg_cron where somebody installs it; once, however often it is said."""
    chore("roll-ups", MINUTE, rollups.roll_up)
    chore("hourly figures", HOUR, rollups.prune)
    chore("cache readings", 10 * MINUTE, daily_metrics.read_cache)
    chore("daily metrics", 10 * MINUTE, daily_metrics.aggregate_missing)
    chore("old metrics", 24 * HOUR, daily_metrics.clean_up_old)
    known = {entry.name for entry in pg_cron.ENTRIES}
    pg_cron.ENTRIES.extend(entry for entry in _entries() if entry.name not in known)


def _entries() -> list[pg_cron.Entry]:
    """Each is a transaction of its own: writers of the log wait while an hour is being closed, and for nothing else."""
    hours, days = settings.ANALYTICS_HOURLY_DAYS, settings.ANALYTICS_METRICS_DAYS
    kept = [("old metrics", f"SELECT analytics.cleanup_old_metrics({days})", "23 3 * * *")] if days else []
    commands = (
        ("closing of hours", "SELECT analytics.close_hours()", "* * * * *"),
        ("roll-up", "SELECT analytics.roll_up_hours()", "* * * * *"),
        ("roll-up of today", "SELECT analytics.roll_up_open_hour()", "*/5 * * * *"),
        ("daily metrics", "SELECT analytics.aggregate_daily_metrics()", "7 * * * *"),
        ("daily statistics", "SELECT analytics.refresh_daily_stats()", "*/10 * * * *"),
        ("hourly figures", f"SELECT analytics.prune_hours({hours}, {rollups.MOST_PRUNED})", "17 * * * *"),
        *kept,
    )
    return [pg_cron.Entry(name, command, schedule, _logs) for name, command, schedule in commands]


def _logs() -> str:
    return router.db_for_write(UsageHour)
