"""One identifier per request: in the answer, in problem bodies and on every log line that the request causes."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final

from django.http import HttpRequest

from accounts.uuid7 import uuid7
from jobs.scrubbing import scrub_text

HEADER: Final = "X-Request-ID"
#: Narrow enough to be written into logs as it is.
ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

current: ContextVar[str] = ContextVar("request_id", default="")


def bind(request: HttpRequest) -> str:
    """Give the request the identifier that the client sent, or a new one."""
    sent = request.headers.get(HEADER, "")
    # It is written down in many places, so nothing that looks like a key may be one.
    request_id = sent if ACCEPTABLE.fullmatch(sent) and scrub_text(sent) == sent else uuid7().hex
    request.request_id = request_id  # type: ignore[attr-defined]
    current.set(request_id)
    return request_id
