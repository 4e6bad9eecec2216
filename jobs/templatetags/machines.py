"""What the pages of queues, workers, schedules, functions and sessions need beside the console's own tags."""

from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from jobs.admin import display

register = template.Library()


@register.filter
def key(identifier: Any) -> SafeString:
    """Show the end of an id, where it differs from its neighbours."""
    return display.key(identifier)


@register.filter
def exact(at: datetime | None) -> SafeString:
    """Say the exact time, and how far away it is."""
    return display.exact(at)


@register.filter
def badge_as(label: str, status: str) -> SafeString:
    """Show a word in the colours of a status."""
    return display.badge(status, label)
