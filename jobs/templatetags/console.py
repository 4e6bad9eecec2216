"""What the console's templates need beyond Django's tags."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.safestring import SafeString

from jobs.admin import display
from jobs.admin.dead_letter import group_url
from jobs.admin.overview import Overview, overview

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString:
    return display.moment(at)


@register.filter
def span(length: timedelta | float | None) -> str:
    return display.span(length)


@register.filter
def badge(status: str) -> SafeString:
    return display.badge(status)


@register.filter
def letters_url(fingerprint: str) -> str:
    return group_url(fingerprint)


@register.simple_tag(takes_context=True)
def glance(context: dict[str, Any]) -> Overview | None:
    """Give the overview to those who may see jobs."""
    return overview() if context["request"].user.has_perm("jobs.view_job") else None
