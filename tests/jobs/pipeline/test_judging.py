"""Summaries that are refused: made anew once, told why, and at last taken from the article itself."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from jobs.articles.summarizing import PROVIDER
from jobs.enqueue import enqueue
from jobs.models import Article, Job, Summary, Task
from jobs.pipeline.submitting import submit_article
from jobs.testing import drain_jobs, run_job
from tests.jobs.pipeline.conftest import Scribe, crashed, html, job_of, submitted_and_extracted

pytestmark = pytest.mark.django_db

GOOD = "Each version of a program is named Experimental, Unstable, Testing or Stable."
INVENTED = "Each version of a program is one of 4711, named Unstable, Testing or Stable."
WORSE = "Each version of a program is one of 4712, named Unstable, Testing or Stable."

Appoint = Callable[..., Scribe]


def verdicts(article: Article) -> list[tuple[str, bool | None, list[str]]]:
    found = Summary.objects.filter(article=article).order_by("id")
    return [(each.provider, each.accepted, [reason["code"] for reason in each.reasons]) for each in found]


def test_a_good_summary_is_accepted_with_what_it_cost(ada: User, scribe: Appoint) -> None:
    scribe(GOOD)
    article = submit_article(ada, html=html("debian-handbook-release-lifecycle.en.html"))
    drain_jobs(raising=True)
    summary = article.summaries.get()
    assert (summary.text, summary.accepted, summary.provider, summary.model) == (GOOD, True, "scribe", "m-1")
    assert (summary.input_tokens, summary.output_tokens, str(summary.cost)) == (900, 80, "0.001200")
    assert (summary.language, summary.length) == ("en", "medium")


def test_a_refused_summary_is_made_anew_by_one_who_is_told_why(ada: User, scribe: Appoint) -> None:
    asked = scribe(INVENTED, GOOD).asked
    article = submitted_and_extracted(ada, preferences={"length": "short", "language": "en"})
    drain_jobs(raising=True)
    assert verdicts(article) == [("scribe", False, ["numbers"]), ("scribe", True, [])]
    assert asked[0]["refused"] == ()
    (reason,) = asked[1]["refused"]
    assert (reason.code, "4711" in reason.detail) == ("numbers", True)
    for each in asked:
        assert (each["preferences"].length, each["preferences"].language) == ("short", "en")
        assert (each["user_id"], each["language_of_source"], each["title"]) == (
            ada.pk,
            "en",
            "1.6. Lifecycle of a Release",
        )
    result = job_of(article, "validate").result
    assert result["summary"] == GOOD
    assert [each["reasons"][0]["code"] for each in result["refused"]] == ["numbers"]
    article.refresh_from_db()
    assert article.stage == "validated"


def test_one_that_is_refused_twice_gives_way_to_the_articles_own_words(ada: User, scribe: Appoint) -> None:
    scribe(INVENTED, WORSE)
    article = submitted_and_extracted(ada)
    drain_jobs(raising=True)
    assert verdicts(article) == [
        ("scribe", False, ["numbers"]),
        ("scribe", False, ["numbers"]),
        (PROVIDER, True, []),
    ]
    accepted = Summary.objects.get(article=article, accepted=True)
    assert accepted.text.startswith("The project will simultaneously have")


def test_without_the_fallback_the_job_says_what_was_refused(ada: User, scribe: Appoint, settings: Any) -> None:
    settings.AI_FALLBACK_ENABLED = False
    scribe(INVENTED, WORSE)
    article = submitted_and_extracted(ada)
    drain_jobs()
    job = job_of(article, "validate")
    assert (job.status, verdicts(article)) == ("dead_letter", [("scribe", False, ["numbers"])] * 2)
    why = "Numbers that the source does not contain: 4712."
    assert job.error_message == f"The summary was refused twice, and the fallback is switched off. {why}"
    article.refresh_from_db()
    assert article.stage == "summarized"


def test_the_articles_own_words_stand_with_what_is_to_be_said_of_them(ada: User) -> None:
    """Nobody here translates, so the summary is in another language than was asked for."""
    article = submitted_and_extracted(ada, preferences={"language": "ja"})
    drain_jobs(raising=True)
    assert verdicts(article) == [(PROVIDER, True, ["language"])]


def test_a_newer_summary_takes_the_place_of_the_accepted_one(ada: User, scribe: Appoint) -> None:
    scribe(GOOD)
    article = submitted_and_extracted(ada)
    drain_jobs(raising=True)
    scribe("A version is Experimental, Unstable, Testing or Stable, and so are its programs.")
    enqueue("summarize", {"article_id": str(article.pk), "user_preferences": {"length": "short"}}, user=ada)
    drain_jobs(raising=True)
    assert verdicts(article) == [("scribe", True, []), ("scribe", None, [])]
    enqueue("validate_summary", {"article_id": str(article.pk)}, user=ada)
    drain_jobs(raising=True)
    assert verdicts(article) == [("scribe", False, ["superseded"]), ("scribe", True, [])]


def test_a_crash_pays_for_no_summary_twice(ada: User, scribe: Appoint) -> None:
    asked = scribe(INVENTED, GOOD, "Never.").asked
    article = submitted_and_extracted(ada)
    for step in ("summarize", "validate"):
        crashed(job_of(article, step))
        before = verdicts(article)
        assert run_job(job_of(article, step)).status == "completed"
        assert verdicts(article) == before
        assert Task.objects.filter(job=job_of(article, step), name__in=["generate", "regenerate"]).count() == 1
        Job.objects.filter(pk=job_of(article, "validate").pk, status="pending").update(waits_for=None)
    assert verdicts(article) == [("scribe", False, ["numbers"]), ("scribe", True, [])]
    assert len(asked) == 2


def test_a_crash_in_the_middle_leaves_the_earlier_accepted_summary(ada: User, scribe: Appoint) -> None:
    scribe(GOOD, INVENTED, WORSE)
    article = submitted_and_extracted(ada)
    drain_jobs(raising=True)
    enqueue("summarize", {"article_id": str(article.pk)}, user=ada)
    drain_jobs(raising=True)
    judge = enqueue("validate_summary", {"article_id": str(article.pk)}, user=ada).fetch()

    def die(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the provider's answer has not come yet")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.pipeline.judging.generate", die)
        assert run_job(judge).status == "pending"
    assert [verdict[1] for verdict in verdicts(article)] == [True, None]
    assert run_job(judge).status == "completed"
    assert [verdict[:2] for verdict in verdicts(article)] == [
        ("scribe", False),
        ("scribe", False),
        ("scribe", False),
        (PROVIDER, True),
    ]
