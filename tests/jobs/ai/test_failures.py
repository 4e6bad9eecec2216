"""Whatever a provider does, its call ends in time, in little memory, and with the right word for it."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic
from typing import Any

import pytest

from jobs.ai.chain import MODELS
from jobs.ai.failures import Limited, ProviderError
from jobs.ai.language_model import LanguageModel
from jobs.ai.prompts import text_prompt
from jobs.ai.providers import Preferences
from jobs.ai.summaries import generate_summary
from jobs.ai.waits import retry_after
from jobs.exceptions import NonRetryableError, RateLimitError, RetryableError
from jobs.models import ProviderCall
from tests.ai_server import (
    AiServer,
    Kind,
    completion,
    drips,
    drips_headers,
    fails,
    floods,
    hangs,
    message,
    resets,
    says,
    sends,
    truncates,
)
from tests.jobs.articles import web

pytestmark = pytest.mark.django_db

both = pytest.mark.parametrize("kind", ["groq", "claude"])


def tell(ai: AiServer, answer: Any) -> None:
    ai.groq = ai.claude = [answer]


def ask(kind: Kind, within: float = 20.0) -> ProviderError:
    """Ask and give the error."""
    with pytest.raises(ProviderError) as caught:
        model(kind).ask(text_prompt("Write.", "An article.", 100), within)
    # Neither the words of an answer nor what was sent can be read from it, or from what it came of.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def model(kind: Kind) -> LanguageModel:
    return MODELS[kind]()


@both
@pytest.mark.parametrize(
    ("status", "code", "base"),
    [
        (400, "invalid_request", NonRetryableError),
        (401, "authentication", NonRetryableError),
        (403, "permission", NonRetryableError),
        (404, "wrong_model", NonRetryableError),
        (413, "too_large", NonRetryableError),
        (422, "invalid_request", NonRetryableError),
        (408, "server_error", RetryableError),
        (429, "rate_limited", RateLimitError),
        (500, "server_error", RetryableError),
        (503, "overloaded", RetryableError),
        (529, "overloaded", RetryableError),
        (307, "redirected", NonRetryableError),
    ],
)
def test_statuses(ai: AiServer, kind: Kind, status: int, code: str, base: type[Exception]) -> None:
    tell(ai, fails(status, words="An article. Write. sk-ant-secret", location=f"{ai.url}/v1/messages"))
    error = ask(kind)
    assert isinstance(error, base) and error.code == code and not error.charged
    assert "article" not in str(error) and "secret" not in str(error)
    # Once each: neither client tries again by itself, nor follows anything.
    assert len(ai.asked) == 1


@both
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fails(400, code="model_decommissioned"), "wrong_model"),
        (fails(429, code="enforced_spend_limit_reached"), "billing"),
        (fails(401), "authentication"),
    ],
)
def test_what_is_wrong_with_every_request_is_told_apart(ai: AiServer, kind: Kind, answer: Any, code: str) -> None:
    tell(ai, answer)
    error = ask(kind)
    assert error.code == code and isinstance(error, NonRetryableError) and getattr(error, "everything")  # noqa: B009


_NOON = "Sat, 21 Nov 2026 12:00:00 GMT"


@both
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "7.5"}, 7.5),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "999999999"}, 3600),
        ({"Retry-After-Ms": "2500"}, 2.5),
        ({"Retry-After": "Sat, 21 Nov 2026 12:01:30 GMT", "Date": _NOON}, 90),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "-5"}, 60),
        ({}, 60),
        ({"X-RateLimit-Remaining-Tokens": "0", "X-RateLimit-Reset-Tokens": "7.66s"}, 7.66),
        ({"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "2m59.56s"}, 179.56),
        ({"X-RateLimit-Remaining-Requests": "9", "X-RateLimit-Reset-Requests": "2m59.56s"}, 60),
        (
            {
                "Anthropic-RateLimit-Input-Tokens-Remaining": "0",
                "Anthropic-RateLimit-Input-Tokens-Reset": "2026-11-21T12:00:45Z",
                "Date": _NOON,
            },
            45,
        ),
    ],
)
def test_waits(ai: AiServer, kind: Kind, headers: dict[str, str], seconds: float) -> None:
    tell(ai, fails(429, **{name.replace("-", "_"): value for name, value in headers.items()}))
    error = ask(kind)
    assert isinstance(error, Limited) and error.retry_after == pytest.approx(seconds, abs=0.01)


def test_a_date_counts_from_now_where_the_answer_tells_no_time() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    assert retry_after({"retry-after": moment}) == pytest.approx(300, abs=10)
    assert retry_after({"retry-after": "Sat, 21 Nov 2020 12:00:00 GMT"}) == 1
    assert retry_after({"retry-after": "Sat, 99 Nov 2026 99:00:00 GMT"}) is None


@both
def test_an_overload_with_a_wait_is_a_wait(ai: AiServer, kind: Kind) -> None:
    tell(ai, fails(529, Retry_After="30"))
    error = ask(kind)
    assert isinstance(error, Limited) and (error.code, error.retry_after) == ("overloaded", 30)


@both
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (truncates, "truncated"),
        (resets, "connection"),
        (sends(b"<html>502</html>", Content_Type="text/html"), "not_readable"),
        (sends(b"<html>502</html>"), "not_readable"),
        (sends(b""), "not_readable"),
        (sends(b"\xff\xfe{"), "not_readable"),
        (sends(b"[" * 100_000), "not_readable"),
        (sends([]), "not_readable"),
        (sends("text"), "not_readable"),
        (sends({}), "not_readable"),
        (sends({"choices": [], "content": None}), "not_readable"),
        (sends({"choices": {"a": 1}, "content": {"a": 1}}), "not_readable"),
        (sends({"choices": [None], "content": [None]}), "not_readable"),
        (sends({"choices": [{"message": "x"}], "content": ["x"]}), "not_readable"),
    ],
)
def test_answers_that_are_none(ai: AiServer, kind: Kind, answer: Any, code: str) -> None:
    tell(ai, answer)
    error = ask(kind)
    assert isinstance(error, RetryableError) and error.code == code and error.charged


@both
@pytest.mark.parametrize("text", [{"a": 1}, 7, ["x"]])
def test_texts_that_are_none(ai: AiServer, kind: Kind, text: Any) -> None:
    tell(ai, says(text))
    assert ask(kind).code == "not_readable"


@pytest.mark.parametrize("usage", [None, 5, {}, {"prompt_tokens": "x", "input_tokens": -3, "output_tokens": 10**30}])
def test_odd_counts_of_tokens_are_no_harm(ai: AiServer, usage: Any) -> None:
    ai.groq = [sends({**completion("Fine."), "usage": usage})]
    ai.claude = [sends({**message([{"type": "text", "text": "Fine."}]), "usage": usage})]
    for kind in MODELS:
        answer = MODELS[kind]().ask(text_prompt("Write.", "An article.", 100), 20)
        assert answer.text == "Fine." and answer.input_tokens == 0 and 0 <= answer.output_tokens <= 10_000_000


@both
@pytest.mark.parametrize("answer", [drips, drips_headers, hangs])
def test_nothing_outlives_its_deadline(ai: AiServer, kind: Kind, answer: Any) -> None:
    tell(ai, answer)
    model(kind)  # imports take their time at first
    began = monotonic()
    error = ask(kind, within=0.3)
    assert error.code == "timeout" and isinstance(error, RetryableError) and error.charged
    assert monotonic() - began < 5


@both
@pytest.mark.parametrize("announced", [True, False])
def test_fifty_megabytes_are_not_read(ai: AiServer, kind: Kind, announced: bool) -> None:
    model(kind).ask(text_prompt("Write.", "An article.", 100), 20)  # the client is made
    tell(ai, floods(announced))
    tracemalloc.start()
    try:
        error = ask(kind)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (error.code, error.charged) == ("body_too_large", True)
    assert peak < 8_000_000


@both
def test_a_server_that_is_not_there(ai: AiServer, settings: Any, kind: Kind) -> None:
    settings.GROQ_BASE_URL = settings.ANTHROPIC_BASE_URL = "http://127.0.0.1:9"
    error = ask(kind)
    assert (error.code, error.charged) == ("connection", False)
    settings.GROQ_BASE_URL = settings.ANTHROPIC_BASE_URL = "http://nowhere.invalid"
    assert ask(kind).code == "connection"


@both
def test_a_certificate_that_nobody_vouches_for(settings: Any, kind: Kind) -> None:
    with web.serving() as server:
        server.speak_tls()
        settings.GROQ_API_KEY = settings.ANTHROPIC_API_KEY = "key"
        settings.GROQ_BASE_URL = settings.ANTHROPIC_BASE_URL = server.url(host="127.0.0.1", scheme="https")
        error = ask(kind)
    assert (error.code, error.charged) == ("certificate", False) and not server.requests


def test_slow_providers_leave_time_for_the_last_one(ai: AiServer) -> None:
    """Both drip: each has its share of the deadline, and the article's beginning still answers within it."""
    ai.groq = ai.claude = [drips]
    began = monotonic()
    made = generate_summary("Ekiden is a race.", Preferences(), user_id=None, job_id=None, deadline=2.0)
    assert made.provider == "extractive" and monotonic() - began < 2.0 + 3
    spent = dict(ProviderCall.objects.values_list("provider", "seconds"))
    assert set(spent) == {"groq", "claude"}
    assert set(ProviderCall.objects.values_list("error_code", flat=True)) == {"timeout"}


def test_a_request_takes_no_longer_than_the_setting_says(ai: AiServer, settings: Any) -> None:
    settings.AI_REQUEST_TIMEOUT = 0.3
    ai.groq = [hangs]
    began = monotonic()
    assert generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=60).provider == "claude"
    assert monotonic() - began < 10


def test_the_deadline_stays_below_the_lock(ai: AiServer, settings: Any) -> None:
    settings.JOB_QUEUE_LOCK_DURATION = 1.0
    ai.groq = ai.claude = [hangs]
    began = monotonic()
    generate_summary("Ekiden.", Preferences(), user_id=None, job_id=None, deadline=60)
    assert monotonic() - began < 5
