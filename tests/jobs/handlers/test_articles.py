"""The article jobs as the worker runs them: payload in, outcome out."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from jobs.articles import addresses
from jobs.context import Context
from jobs.enqueue import enqueue
from jobs.execution import run
from jobs.outcomes import Completed, DeadLettered, Outcome, Retry, Snoozed
from jobs.registry import registry
from jobs.testing.running import _start
from tests.jobs.articles.conftest import PAGES
from tests.jobs.articles.web import Server, page, redirect, serving

pytestmark = pytest.mark.django_db

HANDBOOK = "debian-handbook-release-lifecycle.en.html"
DUTIES = "developers-reference-duties.ja.html"
NAMAZU = "namazu-tips.ja.html"


@pytest.fixture
def web(settings: Settings) -> Iterator[Server]:
    settings.ARTICLES_ALLOW_PRIVATE_HOSTS = True
    with serving() as server:
        yield server


def outcome_of(job_type: str, payload: dict[str, Any], told: list[tuple[int, str]] | None = None) -> Outcome:
    attempt = _start(enqueue(job_type, payload).id)
    assert attempt is not None
    heard = [] if told is None else told
    return run(attempt, Context(attempt, lambda it: heard.append(it.progress or (0, ""))))


def result_of(job_type: str, told: list[tuple[int, str]] | None = None, **payload: Any) -> dict[str, Any]:
    outcome = outcome_of(job_type, payload, told)
    assert isinstance(outcome, Completed), outcome
    result = json.loads(outcome.result or "null")
    assert isinstance(result, dict)
    return result


def error_of(job_type: str, **payload: Any) -> str:
    outcome = outcome_of(job_type, payload)
    assert isinstance(outcome, DeadLettered), outcome
    return json.dumps(outcome.error)


def html(name: str) -> str:
    return (PAGES / name).read_text()


def test_the_job_types_have_the_priorities_people_expect() -> None:
    priorities = {name: registry.get(name).priority for name in ("summarize", "extract_content", "validate_summary")}
    assert priorities == {"summarize": 7, "extract_content": 5, "validate_summary": 5}


def test_an_article_is_extracted_from_given_html() -> None:
    result = result_of("extract_content", html=html(HANDBOOK), article_id="a-1")
    assert (result["article_id"], result["title"], result["language"]) == ("a-1", "1.6. Lifecycle of a Release", "en")
    assert "inclusion in a stable version of Debian." in result["text"]
    assert (result["url"], result["extractor"], result["truncated"]) == (None, "trafilatura", False)


def test_an_article_is_fetched_in_its_old_encoding_through_a_redirect(web: Server) -> None:
    web.answers = {"/": redirect("/tips"), "/tips": page((PAGES / NAMAZU).read_bytes(), "text/html")}
    told: list[tuple[int, str]] = []
    result = result_of("extract_content", told, url=web.url("/", host="127.0.0.1"))
    assert (result["title"], result["language"]) == ("Namazuの豆知識", "ja")
    assert result["url"] == web.url("/tips", host="127.0.0.1")
    assert [percent for percent, _ in told] == sorted({percent for percent, _ in told})
    assert told


def test_a_summary_comes_in_the_shape_and_language_asked_for() -> None:
    result = result_of(
        "summarize",
        html=html(DUTIES),
        article_id="a-2",
        user_preferences={"length": "medium", "language": "ja-JP"},
    )
    assert result["summary"].startswith("より具体的には、パッケージがテスト版")
    assert result["summary"].endswith("。")
    assert len(result["summary"]) <= 300
    facts = {key: result[key] for key in ("article_id", "provider", "language", "length", "title")}
    assert facts == {
        "article_id": "a-2",
        "provider": "extractive",
        "language": "ja",
        "length": "medium",
        "title": "3. Debian 開発者の責務",
    }
    generated = datetime.fromisoformat(result["generated_at"])
    assert abs((datetime.now(UTC) - generated).total_seconds()) < 60


def test_plain_text_is_summarized_whether_given_or_fetched(web: Server) -> None:
    text = "The rain fell for forty days. Nobody in the town had seen the like of it. " * 20
    web.answers["/"] = page(text.encode(), "text/plain; charset=utf-8")
    given = result_of("summarize", content=text, user_preferences={"length": "short"})
    fetched = result_of("summarize", url=web.url(host="127.0.0.1"), user_preferences={"length": "short"})
    assert given["summary"] == fetched["summary"]
    assert given["summary"].startswith("The rain fell for forty days. Nobody")
    assert len(given["summary"]) <= 150


def test_what_was_summarized_passes_its_own_validation() -> None:
    text = result_of("extract_content", html=html(DUTIES))["text"]
    summary = result_of("summarize", content=text)["summary"]
    result = result_of(
        "validate_summary", summary=summary, source=text, language="ja", length="medium", article_id="a-3"
    )
    assert (result["article_id"], result["valid"], result["reasons"]) == ("a-3", True, [])


def test_a_bad_summary_is_a_result_with_reasons_and_no_failure() -> None:
    text = result_of("extract_content", html=html(HANDBOOK))["text"]
    result = result_of("validate_summary", summary="Debian has 77 suites and", source=text)
    assert not result["valid"]
    assert [reason["code"] for reason in result["reasons"]] == ["unfinished", "numbers"]
    assert "77" in result["reasons"][1]["detail"]


@pytest.mark.parametrize("job_type", ["extract_content", "summarize"])
@pytest.mark.parametrize(
    "payload", [{"article_id": "a"}, {"html": "<p>x</p>", "url": "http://example.org/"}], ids=["none", "both"]
)
def test_an_article_given_in_no_way_or_in_two_fails_for_good(job_type: str, payload: dict[str, str]) -> None:
    assert "exactly one way" in error_of(job_type, **payload)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1/", "does not have a public address"),
        ("http://169.254.169.254/latest/meta-data/", "does not have a public address"),
        ("http://[::ffff:10.0.0.1]/", "does not have a public address"),
        ("file:///etc/passwd", "Only http and https"),
        ("http://example.org:22/", "Only the ports 80 and 443"),
    ],
)
def test_a_private_url_fails_for_good(url: str, words: str) -> None:
    for job_type in ("extract_content", "summarize"):
        assert words in error_of(job_type, url=url)


def test_a_page_without_text_or_too_large_fails_for_good(settings: Settings) -> None:
    settings.JOB_QUEUE_PAYLOAD_MAX_BYTES = 1_000_000
    assert "No readable text" in error_of("extract_content", html="<body><img src=x></body>")
    assert "No readable text" in error_of("summarize", content=" … ")
    assert "elements" in error_of("extract_content", html="<p>x" * 70_000)
    assert "no text" in error_of("validate_summary", summary="Something.", source="")


def test_the_sites_answer_decides_whether_to_try_again(web: Server) -> None:
    web.answers = {
        "/gone": page(b"", status=404),
        "/down": page(b"", status=503),
        "/busy": page(b"", status=429, Retry_After="90"),
        "/image": page(b"\x89PNG", "image/png"),
    }
    outcomes = {path: outcome_of("extract_content", {"url": web.url(path, host="127.0.0.1")}) for path in web.answers}
    assert isinstance(outcomes["/gone"], DeadLettered)
    assert isinstance(outcomes["/image"], DeadLettered)
    assert isinstance(outcomes["/down"], Retry)
    busy = outcomes["/busy"]
    assert isinstance(busy, Snoozed)  # waits as told and uses up no retry
    assert busy.delay == 90


def test_a_name_server_in_trouble_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise addresses.socket.gaierror(addresses.socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", fail)
    assert isinstance(outcome_of("extract_content", {"url": "http://example.org/"}), Retry)


@pytest.mark.parametrize(
    ("job_type", "payload"),
    [
        ("summarize", {"content": 5}),
        ("summarize", {"content": "x", "user_preferences": {"length": "huge"}}),
        ("summarize", {"content": "x", "user_preferences": {"tone": "merry"}}),
        ("summarize", {"content": "x", "unknown": 1}),
        ("extract_content", {"html": ["<p>"]}),
        ("validate_summary", {"summary": "x"}),
        ("validate_summary", {"summary": "x", "source": "y", "length": "tiny"}),
    ],
)
def test_a_payload_that_does_not_fit_is_known_by_its_schema(job_type: str, payload: dict[str, Any]) -> None:
    assert registry.get(job_type).validator.violations(payload)


def test_the_payload_of_the_product_description_fits() -> None:
    payload = {"article_id": "uuid", "user_preferences": {"length": "medium", "language": "ja"}}
    assert registry.get("summarize").validator.violations(payload) == []
