"""How far an article is, whatever has become of its jobs."""

from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import User
from jobs import batches, control, dead_letters
from jobs.models import Article, Batch, DeadLetter, Job
from jobs.pipeline.stages import Progress, progress_of
from jobs.pipeline.submitting import resubmit_article, submit_article
from jobs.testing import drain_jobs, run_job
from tests.jobs.pipeline.conftest import HANDBOOK, html, job_of, submitted_and_extracted

pytestmark = pytest.mark.django_db


def progress(article: Article) -> Progress:
    article.refresh_from_db()
    return progress_of([article])[article.pk]


def told(article: Article) -> list[tuple[str, str, int]]:
    return [(state.stage.value, state.status, state.progress) for state in progress(article).stages]


def prune() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT delete_jobs(array_agg(id)) FROM job_queue")


def test_stages_follow_their_jobs(ada: User) -> None:
    article = submitted_and_extracted(ada)
    assert told(article) == [("extracted", "completed", 100), ("summarized", "pending", 0), ("validated", "pending", 0)]
    assert (progress(article).percent, progress(article).status) == (33, "processing")
    Job.objects.filter(pk=job_of(article, "summarize").pk).update(status="processing", started_at=Now(), progress=60)
    assert progress(article).percent == 53
    Job.objects.filter(pk=job_of(article, "summarize").pk).update(status="pending", started_at=None)
    drain_jobs(raising=True)
    assert (progress(article).percent, progress(article).status) == (100, "completed")
    assert all(state.job_id and state.error is None for state in progress(article).stages)


def test_a_dead_letter_stops_an_article_and_its_redrive_lets_it_go_on(ada: User) -> None:
    article = submit_article(ada, html="<html><body><img src=x></body></html>")
    run_job(job_of(article, "extract"))
    state = progress(article).stages[0]
    assert (state.status, state.error) == ("dead_letter", "No readable text was found.")
    assert (progress(article).status, progress(article).percent) == ("dead_letter", 0)
    Article.objects.filter(pk=article.pk).update(html=html(HANDBOOK))
    dead_letters.redrive(DeadLetter.objects.get().pk, ada)
    assert (progress(article).status, progress(article).stages[0].error) == ("pending", "No readable text was found.")
    drain_jobs(raising=True)
    assert (progress(article).status, progress(article).percent) == ("completed", 100)


def test_a_cancelled_article_says_so(ada: User) -> None:
    article = submitted_and_extracted(ada)
    assert article.batch_id
    batches.cancel(article.batch_id, ada)
    assert told(article)[1:] == [("summarized", "cancelled", 0), ("validated", "cancelled", 0)]
    assert (progress(article).status, progress(article).percent) == ("cancelled", 33)


def test_what_was_reached_stays_when_its_jobs_are_pruned(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    drain_jobs(raising=True)
    prune()
    assert not Batch.objects.exists()
    assert (progress(article).status, progress(article).percent) == ("completed", 100)
    assert {state.job_id for state in progress(article).stages} == {None}


def test_what_was_not_reached_is_gone_with_its_jobs(ada: User) -> None:
    article = submitted_and_extracted(ada)
    control.cancel(job_of(article, "summarize").pk, ada)
    prune()
    assert told(article) == [("extracted", "completed", 100), ("summarized", "gone", 0), ("validated", "gone", 0)]
    assert progress(article).status == "gone"


def test_an_article_that_is_summarized_again_goes_the_rest_of_the_way_again(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK), preferences={"length": "short"})
    drain_jobs(raising=True)
    before = article.summaries.get()
    resubmit_article(article.pk, ada, preferences={"length": "long"})
    assert told(article)[0] == ("extracted", "completed", 100)
    assert (progress(article).percent, article.stage) == (33, "extracted")
    drain_jobs(raising=True)
    assert (progress(article).percent, article.summaries.get(accepted=True).length) == (100, "long")
    before.refresh_from_db()
    assert (before.accepted, before.reasons[0]["code"]) == (False, "superseded")


def test_what_was_under_way_is_cancelled_when_it_begins_again(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK))
    first = job_of(article, "extract")
    resubmit_article(article.pk, ada)
    first.refresh_from_db()
    assert first.status == "cancelled"
    drain_jobs(raising=True)
    assert (progress(article).percent, progress(article).status) == (100, "completed")


def test_many_articles_cost_no_more_questions_than_one(ada: User, django_assert_num_queries: Any) -> None:
    submitted = [submit_article(ada, html="<p>Ekiden is a relay race.") for _ in range(5)]
    with django_assert_num_queries(1):
        fresh = progress_of(submitted)
    articles = list(Article.objects.all())
    with django_assert_num_queries(2):
        assert progress_of(articles) == fresh
