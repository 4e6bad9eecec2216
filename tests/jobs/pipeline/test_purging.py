"""Deleted articles go for good after a while, with all that was made of them."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from jobs.models import Article, Summary
from jobs.pipeline import purging
from jobs.pipeline.submitting import delete_article, submit_article
from jobs.testing import drain_jobs
from tests.jobs.pipeline.conftest import HANDBOOK, html

pytestmark = pytest.mark.django_db


def age(days: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE articles DISABLE TRIGGER touch_article")
        cursor.execute("UPDATE articles SET updated_at = clock_timestamp() - make_interval(days => %s)", [days])
        cursor.execute("ALTER TABLE articles ENABLE TRIGGER touch_article")


def test_what_was_deleted_long_ago_goes_with_its_summaries(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "_AT_ONCE", 2)
    articles = [submit_article(ada, html=html(HANDBOOK)) for _ in range(4)]
    drain_jobs(raising=True)
    for article in articles[1:]:
        delete_article(article.pk, ada)
    # The deferred keys of these rows are checked before the table is altered.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    age(29)
    assert purging.purge() == 0
    age(31)
    assert purging.purge() == 3
    assert list(Article.objects.values_list("pk", flat=True)) == [articles[0].pk]
    assert Summary.objects.get().article_id == articles[0].pk


def test_zero_keeps_them_for_ever(ada: User, settings: Any) -> None:
    settings.ARTICLE_DELETED_RETENTION_DAYS = 0
    Article.objects.create(user=ada, is_deleted=True)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    age(9_999)
    assert purging.purge() == 0
    assert Article.objects.exists()
