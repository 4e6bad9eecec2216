"""What the console's first page tells of requests."""

from typing import Any, Final

from django import template
from django.db import router
from django.utils.timezone import now

from accounts.row_security import acting_as
from analytics import reports
from analytics.console import cells
from analytics.models import UsageDay
from analytics.periods import RANGES, Period
from analytics.reports import Figures, Performance

register = template.Library()

#: Half of the calls, most of them, and nearly all.
PERCENTS: Final = (50.0, 95.0, 99.0)


@register.simple_tag(takes_context=True)
def last_day(context: dict[str, Any]) -> Figures | None:
    """Give the requests of the last 24 hours, to those who may see them; None where none was counted."""
    user, alias = context["request"].user, router.db_for_read(UsageDay)
    if not user.has_perm("analytics.view_usageday"):
        return None
    with acting_as(user, alias):
        found = reports.total(Period.up_to(now(), RANGES["24h"]))
    return found if found.requests else None


@register.simple_tag(takes_context=True)
def usage_of(context: dict[str, Any], person: Any) -> Figures | None:
    """Give a user's requests of the last 30 days, to those who may see them."""
    user, alias = context["request"].user, router.db_for_read(UsageDay)
    if not user.has_perm("analytics.view_usageday"):
        return None
    with acting_as(user, alias):
        return reports.total(Period.up_to(now(), RANGES["30d"]), user_id=person.user_id)


@register.simple_tag(takes_context=True)
def figures_of(context: dict[str, Any], language_title: str, span: str = "24h") -> Figures | None:
    """Give one function's requests of the last 24 hours, or of another range, to those who may see them."""
    user, alias = context["request"].user, router.db_for_read(UsageDay)
    if not user.has_perm("analytics.view_usageday"):
        return None
    with acting_as(user, alias):
        found = reports.total(Period.up_to(now(), RANGES[span]), PERCENTS, language_title=language_title)
    return found if found.requests else None


@register.simple_tag(takes_context=True)
def figures_by_function(context: dict[str, Any], span: str = "24h") -> list[Performance]:
    """Give every function's requests of a range, the busiest first, to those who may see them."""
    user, alias = context["request"].user, router.db_for_read(UsageDay)
    if not user.has_perm("analytics.view_usageday"):
        return []
    with acting_as(user, alias):
        return reports.performance(Period.up_to(now(), RANGES[span]), PERCENTS)


@register.filter
def milliseconds(value: float | None) -> str:
    return "–" if value is None else cells.milliseconds(value)


@register.filter
def percent(part: float | None) -> str:
    return "–" if part is None else cells.percent(part)
