"""Filters of the list of groups, and how the API describes them."""

from typing import Any, Final

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.api.fields import read_moment
from jobs.models.dead_letter_group import DeadLetterGroupQuerySet
from jobs.options import TEXT_MAX_LENGTH
from jobs.statuses import GroupStatus

_WORD: Final = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX_LENGTH}
_STATUS: Final = {"type": "array", "items": {"type": "string", "enum": list(GroupStatus.values)}}

PARAMETERS: Final = [
    OpenApiParameter(
        "open", {"type": "string", "enum": ["true", "false"]}, description="`true` is only groups with open letters."
    ),
    OpenApiParameter("status", _STATUS, description="One or several."),
    OpenApiParameter("type", _WORD),
    OpenApiParameter("error_class", _WORD),
    OpenApiParameter("assignee", _WORD, description="The user_id of who looks after it."),
    OpenApiParameter("queue", _WORD, description="Where a job of it has died."),
    OpenApiParameter("seen_after", {"type": "string", "format": "date-time"}, description="Grew then or later."),
    OpenApiParameter(
        "text", _WORD, description="In the class or the newest message, of the 5,000 groups that grew last."
    ),
]
FILTERS: Final = frozenset(parameter.name for parameter in PARAMETERS)

_COLUMNS: Final = {"type": "job_type", "error_class": "error_class", "assignee": "assignee__user_id"}


def narrowed(groups: DeadLetterGroupQuerySet, request: Request) -> QuerySet[Any]:
    """Keep the groups that the request asks for; raises ValidationError for a word that no filter knows."""
    asked = request.query_params
    for name in FILTERS - {"open", "status", "seen_after"}:
        if name in asked and (len(asked[name]) > TEXT_MAX_LENGTH or "\x00" in asked[name]):
            raise _wrong(name, f"Must have at most {TEXT_MAX_LENGTH} characters, none of them NUL.")
    if "open" in asked:
        if asked["open"] not in ("true", "false"):
            raise _wrong("open", "Must be true or false.")
        groups = groups.filter(open_count__gt=0) if asked["open"] == "true" else groups
    if words := [word for text in asked.getlist("status") for word in text.split(",")]:
        if not set(words) <= set(GroupStatus.values):
            raise _wrong("status", f"Must be some of {', '.join(GroupStatus.values)}.")
        groups = groups.filter(status__in=words)
    if "seen_after" in asked:
        moment = read_moment(asked["seen_after"])
        if moment is None:
            raise _wrong("seen_after", "Must be a date and time such as 2026-01-31T09:00:00Z.")
        groups = groups.filter(last_seen_at__gte=moment)
    groups = groups.filter(**{column: asked[name] for name, column in _COLUMNS.items() if name in asked})
    groups = groups.of_queue(asked["queue"]) if "queue" in asked else groups
    return groups.saying(asked["text"]) if "text" in asked else groups


def _wrong(name: str, detail: str) -> ValidationError:
    return ValidationError({name: [ErrorDetail(detail, code="invalid")]})
