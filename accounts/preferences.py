"""The language and the time zone of the console's pages: what somebody has chosen, else what their browser says.

Programs are not asked: the API, its documents, workers and logs speak English and UTC.
"""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

#: Set by a small script of every page: no header says where a browser is.
ZONE_COOKIE: Final = "ekiden_zone"
UTC: Final = ZoneInfo("UTC")


def language(request: HttpRequest) -> str:
    """Give the language to answer a person in."""
    chosen = getattr(request.user, "language", "")
    return chosen if chosen in dict(settings.LANGUAGES) else translation.get_language_from_request(request)


def zone(request: HttpRequest) -> ZoneInfo:
    """Give the time zone to show a person's times in; UTC until their browser has said where it is."""
    chosen = getattr(request.user, "time_zone", "") or request.COOKIES.get(ZONE_COOKIE, "")
    return ZoneInfo(chosen) if chosen in zones() else UTC


@cache
def zones() -> frozenset[str]:
    """Give the names of all time zones that this machine knows."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")
