"""How long the roll-up takes, and then each address of the analytics for a day, a week and the month."""

import time
from statistics import quantiles
from typing import Any, Final

from django.test import Client, override_settings
from django.utils.http import urlencode

from accounts import keys
from accounts.models import User
from accounts.roles import Role
from analytics import daily_metrics, rollups
from analytics.bench import month
from analytics.bench.filling import Tick
from analytics.models import UsageDay, UsageHour
from analytics.periods import Granularity, Period

ENDPOINTS: Final = ("usage", "performance", "errors", "cache", "timeseries")
#: The day by the hour; the week and the month by both.
WINDOWS: Final = {
    "day": (1, Granularity.HOUR),
    "week": (7, Granularity.DAY),
    "week by the hour": (7, Granularity.HOUR),
    "month": (31, Granularity.DAY),
    "month by the hour": (31, Granularity.HOUR),
}
TIMES: Final = 20
ASKED: Final = len(ENDPOINTS) * len(WINDOWS)


def roll_up(tick: Tick) -> dict[str, float]:
    """Roll the month up, hour by hour and day by day, and make its metrics; seconds."""
    hours, days = [], []
    for hour in month.hours():
        begun = time.perf_counter()
        rollups.call("roll_up_hour", hour)
        hours.append(time.perf_counter() - begun)
        tick("rolling up", 1)
        if hour.hour == 23:
            begun = time.perf_counter()
            rollups.call("roll_up_day", hour)
            daily_metrics.aggregate(hour.date())
            days.append(time.perf_counter() - begun)
    return {
        "hours_s": sum(hours),
        "longest_hour_s": max(hours),
        "days_s": sum(days),
        "longest_day_s": max(days),
        "usage_hours": UsageHour.objects.filter(hour__gte=month.BEGIN, hour__lt=month.END).count(),
        "usage_days": UsageDay.objects.filter(day__gte=month.BEGIN, day__lt=month.END).count(),
    }


def endpoints(tick: Tick) -> dict[str, dict[str, dict[str, float]]]:
    """Ask as an operator, with a key, through all of Django; milliseconds."""
    user = User.objects.create_user("bench-analytics", role=Role.OPERATOR, rate_limit_per_minute=1_000_000)
    try:
        client = Client(headers={"Authorization": f"Bearer {keys.issue(user)}", "Host": "localhost"})
        # Else hours of so long ago would be refused.
        with override_settings(ANALYTICS_HOURLY_DAYS=100 * 366):
            return {name: _endpoint(client, name, tick) for name in ENDPOINTS}
    finally:
        user.delete()


def _endpoint(client: Client, name: str, tick: Tick) -> dict[str, dict[str, float]]:
    figures = {}
    for window, (days, granularity) in WINDOWS.items():
        figures[window] = _ask(client, f"/api/v1/analytics/{name}?{_query(name, days, granularity)}")
        tick(f"{name}, {window}", 1)
    return figures


def _query(name: str, days: int, granularity: Granularity) -> str:
    begin = month.END - days * Granularity.DAY.length
    period = Period.around(begin, month.END, granularity)
    asked = {"from": period.begin.isoformat(), "to": period.end.isoformat(), "granularity": granularity.value}
    return urlencode(asked)


def _ask(client: Client, address: str) -> dict[str, float]:
    durations = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer: Any = client.get(address, secure=True)
        durations.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} was answered with {answer.status_code}: {answer.content[:200]!r}")
    cuts = quantiles(durations, n=20, method="inclusive")
    return {"p50": cuts[9], "p95": cuts[18]}
