"""The indexes of articles and their summaries, used at size."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Article, Job, Summary
from jobs.pipeline.purging import purge
from jobs.pipeline.stages import progress_of
from jobs.pipeline.submitting import submit_article
from tests.api_client import client_of
from tests.contracts.plans import Plan, plans_of
from tests.factories import UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

_MANY = """
INSERT INTO articles (id, user_id, stage, text, is_deleted)
SELECT ekiden_uuid7(), CASE WHEN n %% 50 = 1 THEN %s ELSE %s END::uuid, 'validated', 'text', n %% 10 = 0
FROM generate_series(1, 20000) n;
INSERT INTO article_summaries (id, article_id, text, provider, reasons, accepted)
SELECT ekiden_uuid7(), a.id, 'text', 'groq', '[]', n = 2 FROM articles a, generate_series(1, 2) n;
ANALYZE articles, article_summaries
"""


@pytest.fixture
def ada(db: None) -> Iterator[User]:
    ada, bob = UserFactory(), UserFactory()
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [ada.pk, bob.pk])
    yield ada
    # The others of this database do not plan for these.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM article_summaries; DELETE FROM articles; ANALYZE articles, article_summaries")


def plans_on(table: str, work: Callable[[], Any]) -> list[Plan]:
    found = [plan for plan in plans_of(work) if any(node.get("Relation Name") == table for node in plan.nodes())]
    assert found
    return found


def test_ones_own_list_is_a_walk_along_its_index(ada: User) -> None:
    client: APIClient = client_of(ada)
    (plan,) = plans_on("articles", lambda: client.get("/api/v1/articles?limit=20"))
    assert plan.indexes("articles") == {"article_owner"}
    assert not plan.sorts()
    cursor = client.get("/api/v1/articles?limit=20").json()["page"]["next"]
    (plan,) = plans_on("articles", lambda: client.get(f"/api/v1/articles?limit=20&cursor={cursor}"))
    assert plan.indexes("articles") == {"article_owner"}


def test_an_articles_summaries_are_found_by_their_index(ada: User) -> None:
    article = Article.objects.owned_by(ada).visible().order_by("id")[7]
    client: APIClient = client_of(ada)
    for address in (f"/api/v1/articles/{article.pk}", f"/api/v1/articles/{article.pk}/summaries"):
        for plan in plans_on("article_summaries", lambda: client.get(address)):  # noqa: B023 - called at once
            assert plan.indexes("article_summaries") <= {"summary_of_article", "summary_accepted_once"}
            assert not plan.read_whole() & {"article_summaries", "articles"}


def test_a_verdict_touches_one_article_alone(ada: User) -> None:
    article = Article.objects.owned_by(ada).visible().order_by("id")[7]

    def supersede() -> None:
        Summary.objects.filter(article=article, accepted=True).update(accepted=False)

    (plan,) = plans_on("article_summaries", supersede)
    assert plan.indexes("article_summaries") <= {"summary_of_article", "summary_accepted_once"}
    assert plan.indexes("article_summaries")


def test_those_that_were_deleted_long_ago_are_found_by_their_index(ada: User, settings: Any) -> None:
    settings.ARTICLE_DELETED_RETENTION_DAYS = 365
    plans = plans_on("articles", purge)
    assert plans[0].indexes("articles") == {"article_deleted"}


def test_the_progress_of_a_page_reads_rows_by_their_keys(ada: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_queue (id, job_type) SELECT ekiden_uuid7(), 'summarize' FROM generate_series(1, 5000);"
            "INSERT INTO job_batches (id, total, steps) SELECT ekiden_uuid7(), 0, '{}' FROM generate_series(1, 5000);"
            "ANALYZE job_queue, job_batches"
        )
    articles = [submit_article(ada, html="<p>x") for _ in range(20)]
    for plan in plans_of(lambda: progress_of(articles)):
        assert not plan.read_whole()
    Job.objects.all().delete()
