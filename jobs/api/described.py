"""Parameters as the API's description has them, where a view reads them by itself."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from jobs.api.job import NAMES

FIELDS: Final = OpenApiParameter(
    "fields",
    {"type": "array", "items": {"type": "string", "enum": list(NAMES)}, "minItems": 1},
    description="Only these fields, separated by commas.",
    explode=False,
    style="form",
)
IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": '^("v[0-9]{1,18}"|\\*)$'},
    OpenApiParameter.HEADER,
    required=True,
    description='The ETag that you have read, or "*" to overwrite whatever is there.',
)
IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="An ETag: 304 while the job still has it."
)
WAITING: Final = (
    OpenApiParameter(
        "wait",
        {"type": "integer", "minimum": 0},
        description="Answer when the job has ended, at the latest after so many seconds; 30 is the most.",
    ),
    OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="`wait=N` does the same, as RFC 7240 has it."),
)
LAST_EVENT_ID: Final = OpenApiParameter(
    "Last-Event-ID",
    {"type": "string", "pattern": "^[0-9]{1,18}$"},
    OpenApiParameter.HEADER,
    description="The id of the last event that was received, to go on from there.",
)


def _problem(status: int, description: str) -> dict[Any, Any]:
    answer = OpenApiResponse({"$ref": "#/components/schemas/Problem"}, description)
    return {(status, "application/problem+json"): answer}


TOO_BROAD: Final = _problem(422, "The search looked at too many rows and was stopped.")
CONFLICT: Final = _problem(409, "The present state does not allow this.")
NO_FUNCTION: Final = _problem(404, "There is no such function.")
SESSION_EXPIRED: Final = _problem(410, "The session has expired.")
FUNCTION_FAILED: Final = _problem(502, "The function ended without a result: `error` says why.")
