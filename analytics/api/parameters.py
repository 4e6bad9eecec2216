"""The parameters of questions, as the API reads and describes them."""

from __future__ import annotations

from typing import Final

from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from analytics.periods import DEFAULT_RANGE, MOST_POINTS, RANGES, Granularity
from analytics.questions import PERCENTILES, TITLE_MAX_LENGTH, BadQuestion, Question, read
from jobs.api.parameters import refuse_unread

FORMATS: Final = ("json", "csv")
BY: Final = ("function", "time")


def ask(request: Request, names: frozenset[str]) -> Question:
    """Read the question of a request whose view knows these parameters; a wrong one is a ValidationError."""
    refuse_unread(request, set(names))
    given = request.query_params.dict()
    for name, words in (("format", FORMATS), ("by", BY)):
        if given.get(name, words[0]) not in words:
            raise ValidationError({name: [ErrorDetail(f"Must be {' or '.join(words)}.", code="invalid")]})
    try:
        return read(given, now())
    except BadQuestion as exc:
        raise ValidationError({exc.parameter: [ErrorDetail(exc.detail, code=exc.code)]}) from exc


def _moment(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", "format": "date-time"}, description=description)


def _choice(name: str, words: list[str], description: str) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", "enum": words}, description=description)


_EACH: Final = (
    _moment("from", "Rounded down to the hour or day. Left out with `to`: seven days before it."),
    _moment("to", "Rounded up to the hour or day. Left out with `from`: now."),
    _choice("range", list(RANGES), f"Instead of both: so long, up to now; {DEFAULT_RANGE} if nothing is given."),
    _choice(
        "granularity",
        [word.value for word in Granularity],
        f"The hours or days (UTC) that the period is made of, at most {MOST_POINTS}; hours if it is short.",
    ),
    OpenApiParameter(
        "language_title",
        {"type": "string", "minLength": 1, "maxLength": TITLE_MAX_LENGTH},
        description="Only this function, such as python-summarize.",
    ),
    OpenApiParameter(
        "percentiles",
        {"type": "string", "pattern": f"^{PERCENTILES.pattern}$"},
        description="Which percentiles of the duration, separated by commas; 50,90,95,99 if left out.",
    ),
    _choice("compare", ["previous"], "Give the figures of the period of the same length before this one, too."),
    _choice("by", list(BY), "A row for each function, or for each function and hour or day."),
    _choice("format", list(FORMATS), "Or `Accept: text/csv`."),
)
PARAMETERS: Final = {parameter.name: parameter for parameter in _EACH}
ALL: Final = frozenset(PARAMETERS) - {"by"}
WITHOUT_PERCENTILES: Final = ALL - {"percentiles"}
OF_USAGE: Final = WITHOUT_PERCENTILES | {"by"}
