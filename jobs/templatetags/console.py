"""What the console's templates need beyond Django's tags."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from jobs.admin import display
from jobs.admin.dead_letter import group_url
from jobs.admin.overview import Overview, overview

register = template.Library()

_ACTED: Final = {
    "annotate": "noted on",
    "cancel": "cancelled",
    "change": "changed",
    "close": "closed",
    "delete": "deleted",
    "pause": "paused",
    "register": "registered",
    "release": "took from its worker",
    "resume": "resumed",
    "retry": "ran again",
}

#: The console's sections in the order of an operator's day: the model whose list it is, and others it stands for.
_SECTIONS: Final = (
    ("Dead letters", "jobs.deadlettergroup", ("jobs/deadletter/",)),
    ("Jobs", "jobs.job", ()),
    ("Functions", "jobs.function", ()),
    ("Sessions", "jobs.session", ()),
    ("Queues", "jobs.queue", ()),
    ("Workers", "jobs.worker", ()),
    ("Locks", "jobs.processinglock", ()),
    ("Analytics", "analytics.usageday", ("analytics/",)),
    ("Audit", "jobs.auditentry", ()),
    ("Users", "accounts.user", ()),
)
#: Sections whose first page is no list of rows.
_FRONT_PAGES: Final = {"analytics.usageday": "analytics:usage"}


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    url: str
    current: bool


@register.filter
def moment(at: datetime | None) -> SafeString:
    return display.moment(at)


@register.filter
def span(length: timedelta | float | None) -> str:
    return display.span(length)


@register.filter
def overdue(seconds: float) -> str:
    """Say how late the oldest job is; under a second it is not late, it is on its way."""
    return display.span(seconds) if seconds >= 1 else "–"


@register.filter
def acted(action: str) -> str:
    """Say an act of the audit log in the past tense, after the name of who did it."""
    return _ACTED.get(action, action)


@register.filter
def badge(status: str) -> SafeString:
    return display.badge(status)


@register.filter
def letters_url(fingerprint: str) -> str:
    return group_url(fingerprint)


@register.simple_tag(takes_context=True)
def sections(context: dict[str, Any]) -> list[Section]:
    """Give the sections that this person may see."""
    request, home = context["request"], reverse("admin:index")
    found = [Section("Overview", home, request.path == home)]
    for name, model, others in _SECTIONS:
        app, _, model_name = model.partition(".")
        if request.user.has_perm(f"{app}.view_{model_name}"):
            url = reverse(_FRONT_PAGES.get(model) or f"admin:{app}_{model_name}_changelist")
            inside = request.path.startswith((url, *(home + other for other in others)))
            found.append(Section(name, url, inside))
    return found


@register.simple_tag(takes_context=True)
def glance(context: dict[str, Any]) -> Overview | None:
    """Give the overview to those who may see jobs."""
    return overview() if context["request"].user.has_perm("jobs.view_job") else None
