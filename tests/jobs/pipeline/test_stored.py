"""What the jobs of articles refuse: those of others, deleted ones, and stages that have not been reached."""

import uuid
from typing import Any

import pytest

from accounts.models import User
from jobs.enqueue import enqueue
from jobs.models import Article, Job, ProcessingLock
from jobs.models.lock import NextLockToken
from jobs.pipeline import extracting
from jobs.pipeline.submitting import delete_article, submit_article
from jobs.testing import drain_jobs, run_job
from tests.jobs.pipeline.conftest import HANDBOOK, crashed, html, job_of

pytestmark = pytest.mark.django_db

TYPES = ("extract_content", "summarize", "validate_summary")


def refused(job_type: str, article_id: Any, user: User | None) -> str:
    job = run_job(enqueue(job_type, {"article_id": str(article_id)}, user=user))
    assert job.status == "dead_letter"
    assert job.error_details["error_class"] == "NonRetryableError"
    return str(job.error_message)


@pytest.mark.parametrize("job_type", TYPES)
def test_articles_of_others_look_as_if_they_were_not_there(ada: User, bob: User, job_type: str) -> None:
    article = Article.objects.create(user=ada, text="Hers.", stage="extracted", html="<p>Hers.")
    words = "The job's owner has no article {}."
    for user in (bob, None):
        assert refused(job_type, article.pk, user) == words.format(article.pk)
    unknown = uuid.uuid4()
    assert refused(job_type, unknown, bob) == words.format(unknown)
    assert not article.summaries.exists()


@pytest.mark.parametrize("job_type", TYPES)
def test_deleted_articles_are_worked_on_no_more(ada: User, job_type: str) -> None:
    article = Article.objects.create(user=ada, text="Hers.", stage="extracted", html="<p>", is_deleted=True)
    assert refused(job_type, article.pk, ada) == f"The article {article.pk} was deleted."


def test_a_stage_needs_the_one_before(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    for job_type in ("summarize", "validate_summary"):
        assert "has no text yet" in refused(job_type, article.pk, ada)
    run_job(job_of(article, "extract"))
    assert "has no summary yet" in refused("validate_summary", article.pk, ada)


def test_an_article_without_a_page_is_told_of(ada: User) -> None:
    article = Article.objects.create(user=ada)
    assert "neither a page nor a URL" in refused("extract_content", article.pk, ada)


def test_one_that_is_deleted_meanwhile_gets_no_text(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    read = extracting.read

    def delete_meanwhile(*args: Any, **kwargs: Any) -> Any:
        Article.objects.filter(pk=article.pk).update(is_deleted=True)
        return read(*args, **kwargs)

    monkeypatch.setattr(extracting, "read", delete_meanwhile)
    job = run_job(job_of(article, "extract"))
    assert (job.status, job.error_message) == ("dead_letter", f"The article {article.pk} was deleted.")
    article.refresh_from_db()
    assert (article.text, article.stage) == ("", "submitted")


def test_a_zombie_writes_no_text(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    read = extracting.read

    def taken_over(*args: Any, **kwargs: Any) -> Any:
        ProcessingLock.objects.update(lock_token=NextLockToken())
        return read(*args, **kwargs)

    monkeypatch.setattr(extracting, "read", taken_over)
    assert run_job(job_of(article, "extract")).status == "processing"
    article.refresh_from_db()
    assert (article.text, article.stage, article.html is None) == ("", "submitted", False)


def test_a_page_that_was_read_by_a_lost_worker_is_not_needed_again(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    crashed(job_of(article, "extract"))
    article.refresh_from_db()
    assert article.html is None
    job = run_job(job_of(article, "extract"))
    assert (job.status, job.result["title"]) == ("completed", "1.6. Lifecycle of a Release")
    assert job.result["characters"] == article.characters


def test_deleting_cancels_what_is_under_way(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    delete_article(article.pk, ada)
    assert set(Job.objects.values_list("status", flat=True)) == {"cancelled"}
    assert drain_jobs() == []
    delete_article(article.pk, ada)
