"""What the console's templates need beyond Django's tags."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import dead_letter_group_page, display, names
from jobs.admin.dead_letter import group_url
from jobs.admin.overview import Overview, overview
from jobs.admin.sections import Group, groups

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString:
    return display.moment(at)


@register.filter
def span(length: timedelta | float | None) -> str:
    return display.span(length)


@register.filter
def number(value: int | None) -> str:
    return "–" if value is None else f"{int(value):,}"


@register.filter
def overdue(seconds: float) -> str:
    """Say how late the oldest job is; under a second it is not late, it is on its way."""
    return display.span(seconds) if seconds >= 1 else "–"


@register.filter
def acted(action: str) -> str:
    """Say an act of the audit log in the past tense, after the name of who did it."""
    return names.acted(action)


@register.filter
def badge(status: str) -> SafeString:
    return display.badge(status)


@register.filter
def letters_url(fingerprint: str) -> str:
    return group_url(fingerprint)


@register.filter
def affected(users: int) -> str:
    """Say how many users a group of dead letters affects."""
    return dead_letter_group_page.users(users)


@register.simple_tag(takes_context=True)
def sections(context: dict[str, Any]) -> list[Group]:
    """Give the sections that this person may see, in groups; a page that shows them twice counts once."""
    request = context["request"]
    if not hasattr(request, "_sections"):
        request._sections = groups(request)
    found: list[Group] = request._sections
    return found


@register.simple_tag(takes_context=True)
def live(context: dict[str, Any], name: str, going: bool = True) -> SafeString:
    """Mark a region that is fetched anew every few seconds from the page's own address; its id is the name.

    A region that is not going on any more keeps the id and is left as it is.
    """
    if not going:
        return format_html('id="{}"', name)
    return format_html(
        'id="{0}" data-live hx-get="{1}" hx-select="#{0}" hx-swap="outerHTML" hx-trigger="ekiden:live"',
        name,
        context["request"].get_full_path(),
    )


@register.simple_tag(takes_context=True)
def glance(context: dict[str, Any]) -> Overview | None:
    """Give the overview to those who may see jobs."""
    return overview() if context["request"].user.has_perm("jobs.view_job") else None
