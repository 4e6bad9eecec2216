"""What the console's first page needs beyond the other pages."""

from datetime import datetime
from typing import Any, Final

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin import display, history_charts
from jobs.admin.charts import sparkline
from jobs.admin.health import WORDS
from jobs.admin.overview import DEFAULT_RANGE, HOURS, Overview, is_range, overview
from jobs.doctor.findings import Finding
from jobs.doctor.looking import Look, last

register = template.Library()

RANGES: Final = {
    "1h": gettext_lazy("Last hour"),
    "24h": gettext_lazy("Last 24 hours"),
    "7d": gettext_lazy("Last 7 days"),
}


@register.simple_tag(takes_context=True)
def home(context: dict[str, Any]) -> Overview | None:
    """Give the overview, to those who may see jobs, of the time that is asked for."""
    request = context["request"]
    if not request.user.has_perm("jobs.view_job"):
        return None
    asked = request.GET.get("range", "")
    return overview(asked if is_range(asked) else DEFAULT_RANGE)


@register.simple_tag
def ranges() -> list[tuple[str, Any]]:
    return list(RANGES.items())


@register.simple_tag
def health() -> Look | None:
    """Give what the doctor found when it last looked."""
    return last()


@register.filter
def hours(counts: list[int]) -> SafeString:
    """Draw how many came in each of the last hours."""
    came = sum(counts)
    label = ngettext("{number} in {hours} h", "{number} in {hours} h", came).format(number=came, hours=HOURS)
    return sparkline(counts, label, tone="bad", width=96, height=22)


@register.filter
def clock(at: datetime) -> str:
    """Say a slot's begin as a clock of the operator's zone shows it."""
    return display.clock(at)


@register.filter
def count(value: int) -> str:
    return history_charts.count(value)


@register.filter
def more(value: int, capped: bool) -> str:
    """Write a count, with a plus where there may be more."""
    return history_charts.count(value) + ("+" if capped else "")


@register.filter
def numbers(shown: Overview) -> list[dict[str, Any]]:
    return history_charts.table(shown.history)


@register.filter
def graded(finding: Finding) -> SafeString:
    """Say how bad a finding of the doctor is."""
    return display.badge(finding.severity.name.lower(), str(WORDS[finding.severity]))


@register.filter
def trouble(word: str) -> str:
    return {"late": _("late"), "failing": _("failing")}.get(word, "")
