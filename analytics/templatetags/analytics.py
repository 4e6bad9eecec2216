"""What the console's first page tells of requests."""

from typing import Any

from django import template
from django.db import router
from django.utils.timezone import now

from accounts.row_security import acting_as
from analytics import reports
from analytics.console import cells
from analytics.models import UsageDay
from analytics.periods import RANGES, Period
from analytics.reports import Figures

register = template.Library()


@register.simple_tag(takes_context=True)
def last_day(context: dict[str, Any]) -> Figures | None:
    """Give the requests of the last 24 hours, to those who may see them; None where none was counted."""
    user, alias = context["request"].user, router.db_for_read(UsageDay)
    if not user.has_perm("analytics.view_usageday"):
        return None
    with acting_as(user, alias):
        found = reports.total(Period.up_to(now(), RANGES["24h"]))
    return found if found.requests else None


@register.filter
def percent(part: float | None) -> str:
    return "–" if part is None else cells.percent(part)
