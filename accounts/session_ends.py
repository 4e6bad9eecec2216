"""When somebody is logged out of the console by themselves: after a time without doing anything, and in any case."""

from __future__ import annotations

import time
from typing import Final

from django.conf import settings
from django.http import HttpRequest

#: Where the session keeps when it began, and when the person last did something.
_BEGAN: Final = "ekiden_began"
_SEEN: Final = "ekiden_seen"
#: Not each page is to write the session.
_NOTED_EVERY: Final = 60.0


def has_ended(request: HttpRequest) -> bool:
    """Tell whether the session of who asks has lasted too long; note that they are here, if they are it themselves."""
    session, now = request.session, time.time()
    began, seen = float(session.get(_BEGAN, now)), float(session.get(_SEEN, now))
    if now - began > settings.CONSOLE_SESSION_AGE or now - seen > settings.CONSOLE_IDLE_TIME:
        return True
    if _BEGAN not in session:
        session[_BEGAN] = now
    if _SEEN not in session or (now - seen > _NOTED_EVERY and not _is_by_itself(request)):
        session[_SEEN] = now
    return False


def _is_by_itself(request: HttpRequest) -> bool:
    """A page that brings itself up to date is nobody who does something."""
    return request.method == "GET" and "HX-Request" in request.headers
