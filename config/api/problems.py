"""Errors as RFC 9457 problem details: the one place where an exception becomes an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError
from django.http import Http404, HttpRequest
from django.http.request import UnreadablePostError
from psycopg.errors import InsufficientPrivilege
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts.api.etags import etag
from config.api.problem_types import PROBLEM_TYPES, ProblemType, for_status
from jobs import exceptions as jobs
from jobs.search.language.errors import QueryError
from jobs.webhooks import exceptions as webhooks

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

#: The framework's words for what we call otherwise.
RENAMED: Final = {
    "parse-error": "malformed-json",
    "authentication-failed": "invalid-key",
    "throttled": "rate-limit-exceeded",
    "error": "internal-error",
}
RETRY_AFTER_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    #: Further members of the body.
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: For codes that the catalogue does not know.
    status: int = 500

    @property
    def type(self) -> ProblemType:
        return PROBLEM_TYPES.get(self.code) or for_status(self.status)

    def body(self, request: HttpRequest) -> dict[str, Any]:
        """Build the JSON object that the client gets."""
        known = self.code in PROBLEM_TYPES
        body = {
            "type": self.type.type,
            "title": self.type.title,
            "status": self.type.status if known else self.status,
            "detail": self.detail,
            "instance": request.path,
            "code": self.code,
            "request_id": getattr(request, "request_id", ""),
        }
        if self.errors:
            body["errors"] = self.errors
        return {**self.members, **body}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of an API view; None lets an unexpected one through, to be logged and answered as a 500."""
    request = context["request"]
    problem = _problem_of(exc, request)
    if problem is None:
        return None
    # Here, because the views load what the settings name, and that includes this module.
    from rest_framework.views import set_rollback

    set_rollback()
    body = problem.body(getattr(request, "_request", request))
    return Response(body, status=body["status"], headers=dict(problem.headers), content_type=MEDIA_TYPE)


def _problem_of(exc: Exception, request: Any) -> Problem | None:
    for kind, build in DOMAIN.items():
        if isinstance(exc, kind):
            return build(exc)
    if isinstance(exc, drf.ValidationError | DjangoValidationError):
        return _invalid(exc, in_body=request.method not in ("GET", "HEAD", "OPTIONS", "DELETE"))
    if isinstance(exc, drf.APIException):
        return _of_framework(exc)
    return None


def _of_framework(exc: drf.APIException) -> Problem:
    detail = exc.detail if isinstance(exc.detail, drf.ErrorDetail) else drf.ErrorDetail(str(exc.default_detail))
    code = str(detail.code or exc.default_code).replace("_", "-")
    headers = {}
    members = dict(getattr(exc, "members", {}))
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(exc, drf.Throttled):
        headers["Retry-After"] = str(int(getattr(exc, "wait", None) or 1))
        members["violated-policies"] = ["per-minute"]
    return Problem(RENAMED.get(code, code), str(detail), members=members, headers=headers, status=exc.status_code)


def _invalid(exc: drf.ValidationError | DjangoValidationError, *, in_body: bool) -> Problem:
    errors = list(
        _places(drf.ValidationError(exc.messages).detail if isinstance(exc, DjangoValidationError) else exc.detail)
    )
    if in_body:
        return Problem("validation", "The body does not match the schema.", errors)
    named = [
        {"parameter": error["pointer"].removeprefix("#/"), "code": error["code"], "detail": error["detail"]}
        for error in errors
    ]
    return Problem("invalid-parameter", "A query parameter is wrong.", named)


def _places(detail: Any, pointer: str = "#") -> Iterator[dict[str, str]]:
    """Turn the framework's nested lists and dicts of errors into JSON Pointers."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            # The framework numbers the items of a list in one release by position and in another by key.
            inside = pointer if name == api_settings.NON_FIELD_ERRORS_KEY else f"{pointer}/{escape(str(name))}"
            yield from _places(inner, inside)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            inside = pointer if isinstance(inner, str) else f"{pointer}/{index}"
            yield from _places(inner, inside)
    else:
        code = str(getattr(detail, "code", None) or "invalid").replace("_", "-")
        yield {"pointer": pointer, "code": code, "detail": str(detail)}


def escape(name: str) -> str:
    """Escape a member's name for a JSON Pointer in a URI fragment's plain form (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _invalid_payload(exc: Any) -> Problem:
    base = f"#/{exc.field}"
    errors = [{"pointer": base + v.pointer, "code": v.code, "detail": v.detail} for v in exc.violations]
    return Problem("invalid-payload", str(exc), errors)


def _invalid_function(exc: Any) -> Problem:
    errors = [{"pointer": f"#{v.pointer}", "code": v.code, "detail": v.detail} for v in exc.violations]
    return Problem("validation", "The function cannot be described like this.", errors)


def _invalid_schedule(exc: Any) -> Problem:
    # Where a body names it, the job type is `type`, as that of a job is.
    named = [(f"#{v.pointer}".replace("#/job_type", "#/type"), v) for v in exc.violations]
    errors = [{"pointer": pointer, "code": v.code, "detail": v.detail} for pointer, v in named]
    return Problem("validation", "The schedule cannot be like this.", errors)


def _invalid_endpoint(exc: Any) -> Problem:
    errors = [{"pointer": f"#{v.pointer}", "code": v.code, "detail": v.detail} for v in exc.violations]
    return Problem("validation", "The endpoint cannot be like this.", errors)


def _unsafe_url(exc: Any) -> Problem:
    return Problem("unsafe-url", str(exc), [{"pointer": "#/url", "code": "unsafe-url", "detail": str(exc)}])


def _unknown_dependency(exc: Any) -> Problem:
    pointer = "#/parent_id" if exc.option == "parent" else f"#/{exc.option}"
    return Problem(
        "unknown-dependency", str(exc), [{"pointer": pointer, "code": "unknown-dependency", "detail": str(exc)}]
    )


def _stale(exc: Any) -> Problem:
    members = {"current_version": exc.current}
    return Problem("stale-version", str(exc), members=members, headers={"ETag": etag(exc.current)})


def _bad_query(exc: QueryError) -> Problem:
    named = exc.code in ("unknown-field", "unsupported-in-fallback")
    code = exc.code if named else f"query-{exc.code}"
    members = {"position": exc.position, "suggestions": list(exc.suggestions)}
    return Problem(code, exc.message, [{"parameter": "q", "code": exc.code, "detail": exc.message}], members)


def _too_broad(exc: Exception) -> Problem:
    return Problem("query-too-broad", f"{exc} Give it a window with from and to, or a narrower query.")


def _busy(exc: jobs.SearchBusy) -> Problem:
    return Problem("search-busy", str(exc), headers={"Retry-After": str(exc.retry_after)})


def _unavailable(exc: Exception) -> Problem:
    logger.error("The database did not answer: %s", exc)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem("unavailable", "The database does not answer at the moment.", headers=headers)


def _forbidden_by_database(exc: Exception) -> Problem | None:
    """Answer what row-level security refused, such as a key that a hidden row holds; other errors of SQL are ours."""
    if not isinstance(exc.__cause__, InsufficientPrivilege):
        return None
    logger.error("The database's own rules refused a request that the application let pass: %s", exc)
    return Problem("permission-denied", "You may not do this.")


def _unstorable(exc: Exception) -> Problem:
    logger.warning("The database refused a value: %s", exc)
    return Problem("bad-request", "A value is out of the range that can be stored or compared.")


#: What the layers below raise, and how it is told.
DOMAIN: Final[Mapping[type[Exception], Callable[[Any], Problem | None]]] = {
    jobs.InvalidPayload: _invalid_payload,
    jobs.UnknownJobType: lambda exc: Problem(
        "unknown-job-type", str(exc), [{"pointer": "#/type", "code": "unknown-job-type", "detail": str(exc)}]
    ),
    jobs.UnknownFunction: lambda exc: Problem("unknown-function", str(exc)),
    jobs.InvalidFunction: _invalid_function,
    jobs.InvalidSchedule: _invalid_schedule,
    webhooks.InvalidEndpoint: _invalid_endpoint,
    webhooks.UnsafeUrl: _unsafe_url,
    webhooks.TooManyEndpoints: lambda exc: Problem("too-many-endpoints", str(exc)),
    jobs.UnknownDependency: _unknown_dependency,
    jobs.InvalidWorkflow: lambda exc: Problem(
        "invalid-workflow",
        "The steps make no workflow.",
        [{"pointer": f"#{v.pointer}", "code": v.code, "detail": v.detail} for v in exc.violations],
    ),
    jobs.ScheduleExists: lambda exc: Problem("already-exists", str(exc)),
    jobs.FunctionExists: lambda exc: Problem("already-exists", str(exc)),
    jobs.FunctionInactive: lambda exc: Problem("function-inactive", str(exc)),
    jobs.SessionExpired: lambda exc: Problem("session-expired", str(exc)),
    jobs.SessionClosed: lambda exc: Problem("session-closed", str(exc)),
    jobs.LanguageNotAllowed: lambda exc: Problem("language-not-allowed", str(exc), members={"language": exc.language}),
    jobs.InvalidOption: lambda exc: Problem(
        "invalid-option", str(exc), [{"pointer": f"#/{exc.option}", "code": "invalid", "detail": exc.detail}]
    ),
    jobs.InvalidState: lambda exc: Problem("invalid-state", str(exc), members={"current_state": exc.current}),
    jobs.TooManyEvents: lambda exc: Problem("too-many-events", str(exc)),
    jobs.LockLost: lambda exc: Problem("lock-lost", str(exc)),
    jobs.StaleVersion: _stale,
    jobs.UniqueKeyTaken: lambda exc: Problem("unique-key-conflict", str(exc), members={"job_id": str(exc.holder)}),
    jobs.BadCursor: lambda exc: Problem("bad-cursor", str(exc)),
    jobs.SearchTooBroad: _too_broad,
    jobs.SearchBusy: _busy,
    QueryError: _bad_query,
    Http404: lambda exc: Problem("not-found", "There is nothing at this address that you can see."),
    # It went away between two looks at it.
    ObjectDoesNotExist: lambda exc: Problem("not-found", "There is nothing at this address that you can see."),
    PermissionDenied: lambda exc: Problem("permission-denied", "You may not do this."),
    RequestDataTooBig: lambda exc: Problem("body-too-large", "The body is larger than this installation accepts."),
    SuspiciousOperation: lambda exc: Problem("bad-request", "The request cannot be read."),
    UnreadablePostError: lambda exc: Problem("bad-request", "The body ended early."),
    DataError: _unstorable,
    ProgrammingError: _forbidden_by_database,
    OperationalError: _unavailable,
    InterfaceError: _unavailable,
}
