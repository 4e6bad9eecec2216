"""Completions for the box above the jobs, while somebody types."""

import logging
from dataclasses import asdict
from typing import Final

from django.http import HttpRequest, JsonResponse

from jobs.models.statement_limit import StatementStopped, statement_limit
from jobs.search.completing import complete

logger = logging.getLogger(__name__)

#: Whoever types does not wait longer.
SECONDS: Final = 1.0


def completions(request: HttpRequest) -> JsonResponse:
    """Answer `q`, the query, and `at`, the place in it where somebody types."""
    text = request.GET.get("q", "")
    place = request.GET.get("at", "")
    position = int(place) if place.isdecimal() and len(place) < 6 else len(text)
    try:
        with statement_limit(SECONDS):
            found = complete(text, position, request.user)
    except StatementStopped:
        logger.warning("The values that a query may go on with could not be read in %s s.", SECONDS)
        found = []
    return JsonResponse({"completions": [asdict(completion) for completion in found]})
