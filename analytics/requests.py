"""What the log keeps of a request and its answer: what is allowed, without secrets, and not too much of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.rate_limits import client_address
from accounts.uuid7 import uuid7
from analytics.models.request_log import ACCEPTED
from analytics.rows import LONGEST_DURATION_MS, RequestRow, json_text
from jobs.api.calls import UNKNOWN, Call
from jobs.payloads import storable
from jobs.scrubbing import REDACTED, scrub, scrub_head
from jobs.secret_fields import hide

#: Of all others only the names are kept.
ALLOWED_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-length", "content-type", "prefer", "user-agent"}
    | {"x-request-id"}
)
MOST_HEADERS: Final = 50
MOST_HEADER_CHARACTERS: Final = 300
MOST_DETAILS: Final = 2_000
#: Items of a bulk submission are answered one by one, in words.
BULK_STATUS: Final = {"created": 201, "duplicate": 200}


def rows_of(
    request: HttpRequest, response: HttpResponseBase, calls: Sequence[Call], seconds: float
) -> list[RequestRow]:
    """Make a row of each call; the parts that all have in common are made once."""
    common: dict[str, Any] = {
        "request_id": str(getattr(request, "request_id", ""))[:128],
        "client_ip": str(client_address(request) or "")[:45],
        "user_id": str(getattr(getattr(request, "user", None), "user_id", ""))[:128],
        "request_headers": json_text(dict(_headers(request))),
        "duration_ms": min(round(seconds * 1000), LONGEST_DURATION_MS),
    }
    answers = _answers(response, len(calls))
    return [_row(call, *answer, common) for call, answer in zip(calls, answers, strict=True)]


def _row(call: Call, status: int, answer: Any, common: dict[str, Any]) -> RequestRow:
    most: int = settings.LOG_PAYLOAD_MAX_BYTES
    refused = status >= 400
    final = not refused and status not in ACCEPTED
    result = _result(answer) if most and final else None
    return RequestRow(
        id=uuid7() if call.job_id is None or call.shared else UUID(str(call.job_id)),
        language_title=storable(call.language_title)[:128],
        request_payload=json_text(scrub(_without_secrets(call), most)) if most else None,
        response_payload=None if result is None else json_text(scrub(result, most)),
        status_code=status,
        cached=call.cached,
        error_details=json_text(_details(answer)) if refused else None,
        runtime_metrics=json_text({"shared_job": str(call.job_id)}) if call.shared and call.job_id else None,
        **common,
    )


def _without_secrets(call: Call) -> Any:
    # Names that clients make up are looked up nowhere; what stands under a telling name is scrubbed anyhow.
    return call.payload if call.language_title == UNKNOWN else hide(call.payload, call.language_title)


def _result(answer: Any) -> Any:
    """Give what the work came to, as its worker would tell it, without what the answer wraps it in."""
    return answer["result"] if isinstance(answer, dict) and {"result", "status"} <= answer.keys() else answer


def _headers(request: HttpRequest) -> Iterator[tuple[str, str]]:
    yield "method", str(request.method)
    for number, (name, value) in enumerate(request.headers.items()):
        if number == MOST_HEADERS:
            return
        allowed = name.lower() in ALLOWED_HEADERS
        yield scrub_head(name.lower(), 64), scrub_head(value, MOST_HEADER_CHARACTERS) if allowed else REDACTED


def _answers(response: HttpResponseBase, calls: int) -> list[tuple[int, Any]]:
    """Give the status and the body that each call got."""
    data = getattr(response, "data", None) or _problem(response)
    results = data.get("results") if isinstance(data, dict) else None
    if response.status_code < 300 and isinstance(results, list) and len(results) == calls and _is_bulk(results):
        return [_bulk_answer(result) for result in results]
    return [(response.status_code, data)] * calls


def _problem(response: HttpResponseBase) -> Any:
    """Read an error that no view worded: the outermost middleware has made it a problem."""
    if not isinstance(response, HttpResponse) or response.status_code < 400 or len(response.content) > MOST_DETAILS:
        return None
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _is_bulk(results: list[Any]) -> bool:
    return all(isinstance(result, dict) and result.keys() >= {"index", "status"} for result in results)


def _bulk_answer(result: dict[str, Any]) -> tuple[int, Any]:
    problem = result.get("problem")
    if isinstance(problem, dict):
        return int(problem.get("status", 422)), problem
    return BULK_STATUS.get(str(result["status"]), 200), None


def _details(problem: Any) -> dict[str, Any] | None:
    if not isinstance(problem, dict):
        return None
    told = {name: problem[name] for name in ("code", "detail", "errors") if problem.get(name)}
    kept: dict[str, Any] = scrub(told, MOST_DETAILS)
    return kept
