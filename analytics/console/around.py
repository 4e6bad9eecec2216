"""Links between figures and the rows of the log that they come from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.periods import Granularity

_PAGES: Final = {"usage": _("usage"), "performance": _("performance"), "errors": _("errors")}
_MARGIN: Final = timedelta(hours=3)


def example(request_log: UUID) -> SafeString:
    """Link to the request that stands for many."""
    return format_html(
        '<a href="{}">{}</a>', reverse("admin:analytics_requestlog_change", args=[request_log]), _("request")
    )


def figures_around(moment: datetime, language_title: str = "") -> SafeString:
    """Link to the figures of the hours around a moment: what else happened when a row of the log was written."""
    hour = Granularity.HOUR.floor(moment)
    query = {"from": _written(hour - _MARGIN), "to": _written(hour + _MARGIN), "granularity": "hour"}
    named = {"language_title": language_title} if language_title else {}
    links = ((f"{reverse(f'analytics:{name}')}?{urlencode({**query, **named})}", word) for name, word in _PAGES.items())
    return format_html_join(", ", '<a href="{}">{}</a>', links)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
