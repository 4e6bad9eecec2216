"""What the exceptions of the official clients mean. Both have the same classes, under their own names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from jobs.ai.failures import Limited, ProviderError, Refused, Unavailable
from jobs.ai.transport import Unanswered
from jobs.ai.waits import retry_after
from jobs.articles.answers import USUAL_WAIT

_TRANSPORT: Final = {
    "timeout": "did not answer in time",
    "connection": "could not be reached",
    "certificate": "has a certificate that cannot be trusted",
    "truncated": "broke off in its answer",
    "body_too_large": "sent more than is read",
}
#: Of every request: whoever runs the site has to do something.
_SITE: Final = {
    401: ("authentication", "does not accept the key"),
    402: ("billing", "wants to be paid first"),
    403: ("permission", "does not allow this key to do that"),
    404: ("wrong_model", "does not know the model, or the address is wrong"),
}
#: Codes in an answer's body that say the same of another status.
_SITE_CODES: Final = {
    "model_not_found": _SITE[404],
    "model_decommissioned": _SITE[404],
    "model_terms_required": _SITE[403],
    "enforced_spend_limit_reached": _SITE[402],
    "contract_spend_limit_reached": _SITE[402],
    "insufficient_quota": _SITE[402],
    "blocked_api_access": _SITE[403],
}
#: Too large; or, at Groq, more tokens than the plan has in a minute.
_TOO_LARGE: Final = 413
_PASSING: Final = frozenset({408, 409, 424, 425, 498, 499})
_OVERLOADED: Final = frozenset({503, 529})


@contextmanager
def understood(sdk: ModuleType, provider: str) -> Iterator[None]:
    """Turn whatever a client raises in the block into one of our own errors, without the words of the answer."""
    try:
        yield
    except sdk.APIStatusError as exc:
        raise _of_status(exc.status_code, exc.response.headers, exc.body, provider) from None
    except sdk.APIConnectionError as exc:
        raise _of_connection(exc, provider) from None
    except (sdk.APIResponseValidationError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        raise unreadable(provider) from None


def unreadable(provider: str) -> Unavailable:
    """Say that an answer is not what the provider promises."""
    return Unavailable("not_readable", f"The provider {provider} sent an answer that cannot be read.", charged=True)


def _of_connection(exc: Exception, provider: str) -> Unavailable:
    cause = exc.__cause__
    if isinstance(cause, Unanswered):
        return Unavailable(cause.code, f"The provider {provider} {_TRANSPORT[cause.code]}.", charged=cause.sent)
    return Unavailable("connection", f"The provider {provider} {_TRANSPORT['connection']}.", charged=True)


def _of_status(status: int, headers: Mapping[str, str], body: object, provider: str) -> ProviderError:
    wrong = _SITE.get(status) or next((_SITE_CODES[code] for code in _codes(body) if code in _SITE_CODES), None)
    if wrong:
        code, words = wrong
        return Refused(code, f"The provider {provider} {words}.", everything=True)
    wait = retry_after(headers)
    if status == 429 or (status in _OVERLOADED and wait is not None):
        code = "rate_limited" if status == 429 else "overloaded"
        message = f"The provider {provider} asks for fewer requests."
        return Limited(code, message, retry_after=USUAL_WAIT if wait is None else wait)
    if status >= 500 or status in _PASSING:
        code = "overloaded" if status in _OVERLOADED else "server_error"
        return Unavailable(code, f"The provider {provider} answered {status}.")
    if status < 400:
        return Refused("redirected", f"The provider {provider} answered {status} instead of a text.", everything=True)
    code = "too_large" if status == _TOO_LARGE else "invalid_request"
    return Refused(code, f"The provider {provider} refused the request with {status}.")


def _codes(body: object) -> Iterator[str]:
    """Give the stable words of an error body: `error.code`, and `error.details.error_code`."""
    error: Any = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return
    details = error.get("details")
    for found in (error.get("code"), details.get("error_code") if isinstance(details, dict) else None):
        if isinstance(found, str):
            yield found
