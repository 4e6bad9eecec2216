"""Times as the page of a job needs them."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from jobs.admin import display

register = template.Library()


@register.filter
def exactly(at: datetime | None) -> SafeString:
    return display.exact(at)


@register.filter
def timeofday(at: datetime) -> SafeString:
    """Say at what time of the day, to the millisecond; the tooltip has the date and the zone."""
    here = localtime(at)
    words = f"{here:%H:%M:%S}.{here.microsecond // 1000:03d}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), display.clock(at), words)
