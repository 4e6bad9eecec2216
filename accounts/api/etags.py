"""Conditional requests: an object's version is its entity tag."""

from __future__ import annotations

import re
from typing import Final

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

#: No more digits than PostgreSQL's bigint surely holds.
TAG: Final = re.compile(r'"v([0-9]{1,18})"')
#: Versions begin at 1.
OF_NOTHING: Final = 0


class PreconditionRequired(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = 'Send If-Match with the ETag that you have read, or "If-Match: *" to overwrite whatever is there.'
    default_code = "if-match-missing"


def etag(version: int) -> str:
    return f'"v{version}"'


def expected_version(request: Request, *, required: bool = True) -> int | None:
    """Return the version that If-Match asks for, None for `*`.

    A weak tag, or one that we never gave out, is the version of nothing: whoever compares it says what there is.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header and required:
        raise PreconditionRequired
    if header in ("", "*"):
        return None
    match = TAG.fullmatch(header)
    return int(match[1]) if match else OF_NOTHING
