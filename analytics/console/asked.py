"""The form on top of a page: what was asked for, read with more patience than the API has."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from analytics.periods import DEFAULT_RANGE, Granularity
from analytics.questions import Question

RANGE_WORDS: Final = (
    ("24h", _("Last 24 hours")),
    ("48h", _("Last 48 hours")),
    ("7d", _("Last 7 days")),
    ("14d", _("Last 14 days")),
    ("30d", _("Last 30 days")),
    ("90d", _("Last 90 days")),
    ("365d", _("Last 365 days")),
)
GRANULARITIES: Final = [word.value for word in Granularity]
_NAMES: Final = ("range", "from", "to", "granularity", "language_title", "compare")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def given(form: QueryDict) -> dict[str, str]:
    """Give the parameters of a form: empty fields are left out, days become moments, and dates win over a range."""
    found = {name: str(form[name]).replace("\x00", "") for name in _NAMES if form.get(name)}
    for name in ("from", "to"):
        if name in found and _DAY.fullmatch(found[name]):
            found[name] = _moment(found[name], last=name == "to")
    if "from" in found or "to" in found:
        found.pop("range", None)
    return found


def fields(found: dict[str, str]) -> dict[str, Any]:
    """Give the form's fields as they stand in the page."""
    dated = "from" in found or "to" in found
    return {
        "range": "" if dated else found.get("range", DEFAULT_RANGE),
        "dated": dated,
        "from": found.get("from", "")[:10],
        "to": _last_day(found.get("to", "")),
        "granularity": found.get("granularity", ""),
        "language_title": found.get("language_title", ""),
        "compare": "compare" in found,
    }


def lasting(question: Question) -> str:
    """Give the question as a query that means the same tomorrow."""
    parameters = {
        "from": f"{question.period.begin:%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{question.period.end:%Y-%m-%dT%H:%M:%SZ}",
        "granularity": question.period.granularity.value,
    }
    if question.language_title:
        parameters["language_title"] = question.language_title
    if question.compare:
        parameters["compare"] = "previous"
    return urlencode(parameters)


def _moment(day: str, *, last: bool) -> str:
    """A day in the field To is part of the period. What is no day of the calendar goes on to be refused."""
    try:
        at = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + (timedelta(days=1) if last else timedelta())
    except (ValueError, OverflowError):
        return day
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _last_day(moment: str) -> str:
    """Give the last day that a moment's period reaches into, the inverse of the above."""
    try:
        at = datetime.fromisoformat(moment.upper())
    except ValueError:
        return moment[:10]
    return f"{at - timedelta(microseconds=1):%Y-%m-%d}"
