"""Every kind of error that the API answers with: a stable code, its status, and words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProblemType:
    code: str
    status: int
    title: str
    #: What to do about it, shown on the page that `type` leads to.
    advice: str
    #: A URI that others have registered for the same thing; else the problem's own page.
    uri: str = ""

    @property
    def type(self) -> str:
        return self.uri or f"/problems/{self.code}"


_ALL = (
    ProblemType("bad-request", 400, "The request cannot be read", "Compare the address and the headers with the docs."),
    ProblemType(
        "malformed-json",
        400,
        "The body is not JSON that can be stored",
        "Send UTF-8 JSON without NUL characters, lone surrogates, duplicate keys, NaN or Infinity, "
        "with integers of at most 300 digits and at most 64 levels deep.",
    ),
    ProblemType("invalid-parameter", 400, "A query parameter is wrong", "`errors` names the parameter."),
    ProblemType("bad-cursor", 400, "The cursor does not fit", "Use a cursor as given, with the same filters."),
    ProblemType("query-syntax", 400, "The query cannot be read", "`position` says where it goes wrong."),
    ProblemType(
        "unknown-field",
        400,
        "The query names a field that there is not",
        "`suggestions` names those that may be meant; `GET /api/v1/jobs/search/fields` lists them.",
    ),
    ProblemType(
        "query-bad-value", 400, "The query asks for a value that the field cannot have", "`position` says where it is."
    ),
    ProblemType(
        "query-not-allowed",
        400,
        "The query asks for what is not offered",
        "Boosts, regular expressions and wildcards that lead are not; `position` says where it is.",
    ),
    ProblemType("query-too-long", 400, "The query is too long", "Use 2,048 characters at most, in values 1,000."),
    ProblemType("query-too-complex", 400, "The query has too many parts", "Use 64 conditions at most, 16 levels deep."),
    ProblemType(
        "unsupported-in-fallback",
        400,
        "Only the search engine can answer this, and it is away",
        "Ask without `~`, or ask again later.",
    ),
    ProblemType(
        "invalid-idempotency-key", 400, "The Idempotency-Key is malformed", "Use 1 to 255 printable ASCII characters."
    ),
    ProblemType("not-authenticated", 401, "No API key was sent", "Send `Authorization: Bearer <API key>`."),
    ProblemType(
        "invalid-key", 401, "The API key is not valid", "Check the key, or ask an administrator for a new one."
    ),
    ProblemType("key-expired", 401, "The API key has ended", "Ask an administrator for a new one."),
    ProblemType(
        "key-in-url",
        401,
        "API keys do not belong in URLs",
        "Treat the key as leaked: have it replaced, and use the header.",
    ),
    ProblemType("account-disabled", 401, "The user is disabled", "Ask an administrator."),
    ProblemType("permission-denied", 403, "This is not allowed", "Ask an administrator for another role."),
    ProblemType("role-missing", 403, "Your role does not allow this", "Ask an administrator for another role."),
    ProblemType(
        "language-not-allowed",
        403,
        "This user may not call functions in the language",
        "Ask an administrator to change `allowed_languages`.",
    ),
    ProblemType(
        "not-found", 404, "There is no such thing", "What belongs to other users looks as if it did not exist, too."
    ),
    ProblemType("unknown-function", 404, "There is no such function", "`GET /api/v1/functions` lists them."),
    ProblemType(
        "method-not-allowed", 405, "The method is not allowed here", "The header `Allow` names those that are."
    ),
    ProblemType("not-acceptable", 406, "No such representation", "Accept `application/json`."),
    ProblemType("invalid-state", 409, "The present status does not allow this", "`current_state` is what it is now."),
    ProblemType("function-inactive", 409, "The function is switched off", "Ask the operators, or wait."),
    ProblemType("idempotency-in-flight", 409, "The same request is being worked on", "Send it again a moment later."),
    ProblemType(
        "unique-key-conflict", 409, "Another job holds the unique key", "`job_id` is that job: wait for it, or use it."
    ),
    ProblemType(
        "too-many-events", 409, "Too many events wait for the job", "Send it more when it has taken some of them."
    ),
    ProblemType("too-many-endpoints", 409, "There are too many webhook endpoints", "Delete one of them first."),
    ProblemType("already-exists", 409, "There is one of this name already", "Use it, or choose another name."),
    ProblemType(
        "lock-lost",
        409,
        "The job is not yours any more",
        "Stop working on it: another worker has it, it has ended, or you never had it. Nothing was written.",
    ),
    ProblemType("session-closed", 409, "The session is closed", "Open another one."),
    ProblemType("session-expired", 410, "The session has expired", "Open another one, and extend it in time."),
    ProblemType("length-required", 411, "The length of the body is missing", "Send `Content-Length`."),
    ProblemType(
        "stale-version",
        412,
        "It was changed in the meantime",
        "Read it again and decide anew; `current_version`, which is the `ETag` as well, is the one that it has now.",
    ),
    ProblemType(
        "body-too-large", 413, "The body is too large", "Split it, or store the data elsewhere and send a link."
    ),
    ProblemType(
        "unsupported-media-type", 415, "The media type is not understood", "Send `application/json`, not compressed."
    ),
    ProblemType(
        "range-not-satisfiable",
        416,
        "The file does not have that part",
        "`Content-Range` says how long it is: ask for a part that begins before its end.",
    ),
    ProblemType("validation", 422, "The request does not match the schema", "`errors` points to each place."),
    ProblemType("invalid-payload", 422, "The payload does not match the job type", "`errors` points to each place."),
    ProblemType("unknown-job-type", 422, "There is no such job type", "`GET /api/v1/job-types` lists them."),
    ProblemType(
        "unknown-dependency",
        422,
        "There is no such job to depend on",
        "`errors` points to it. What belongs to other users looks as if it did not exist, too.",
    ),
    ProblemType(
        "unsafe-url",
        422,
        "Nothing is sent to this URL",
        "Use HTTPS at the port 443 of a host with a public address. Hosts of your own networks are named by the "
        "operators in `WEBHOOK_PRIVATE_HOSTS`.",
    ),
    ProblemType("invalid-workflow", 422, "The steps make no workflow", "`errors` points to each place."),
    ProblemType(
        "query-too-broad",
        422,
        "The search had too much to look at",
        "Give it a window with `created_after` and `created_before`, or a narrower filter.",
    ),
    ProblemType("invalid-option", 422, "An option is out of its range", "`errors` points to it."),
    ProblemType(
        "idempotency-key-reused",
        422,
        "The Idempotency-Key belongs to another request",
        "Use a new key for a new request.",
    ),
    ProblemType("if-match-missing", 428, "If-Match is missing", "Send the ETag that you have read."),
    ProblemType(
        "rate-limit-exceeded",
        429,
        "Too many requests",
        "Wait for as many seconds as `Retry-After` says.",
        uri="https://iana.org/assignments/http-problem-types#quota-exceeded",
    ),
    ProblemType(
        "search-busy",
        429,
        "Too many searches at the same time",
        "Wait for as many seconds as `Retry-After` says.",
    ),
    ProblemType("internal-error", 500, "Something went wrong on our side", "Report the `request_id` to the operators."),
    ProblemType(
        "function-failed",
        502,
        "The function failed",
        "`error` says what its last attempt said; the job, `job_id`, has the rest.",
    ),
    ProblemType("unavailable", 503, "The service cannot answer now", "Try again after `Retry-After` seconds."),
)

PROBLEM_TYPES: Final = {kind.code: kind for kind in _ALL}

#: What an answer made outside of the API's own views is called, by its status.
BY_STATUS: Final = {
    400: "bad-request",
    401: "not-authenticated",
    403: "permission-denied",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    411: "length-required",
    413: "body-too-large",
    415: "unsupported-media-type",
    416: "range-not-satisfiable",
    429: "rate-limit-exceeded",
    503: "unavailable",
}


def for_status(status: int) -> ProblemType:
    """Return the general problem of a status, for errors that name none."""
    fallback = "internal-error" if status >= 500 else "bad-request"
    return PROBLEM_TYPES[BY_STATUS.get(status, fallback)]
