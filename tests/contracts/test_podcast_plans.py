"""However many podcasts there are, none of them is walked over to find those of an article, of a job, or one's own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from jobs.api.podcasts import visible_podcasts
from jobs.models import Article, LooseFile, Podcast
from jobs.models.columns import ClockTimestamp
from tests.contracts.plans import plans_of
from tests.factories import UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

_ARTICLES = "INSERT INTO articles (id, title) SELECT ekiden_uuid7(), 'a' FROM generate_series(1, 2000)"
_PODCASTS = """INSERT INTO article_podcasts
    (id, article_id, script, audio, content_type, size_bytes, duration_seconds, engine, job_id)
SELECT ekiden_uuid7(), a.id, 's', 'podcasts/' || a.id || n, 'audio/wav', 1, 1, 'espeak-ng', gen_random_uuid()
FROM articles a CROSS JOIN generate_series(1, 3) n"""
_FILES = (
    "INSERT INTO loose_files (name, due_at) SELECT 'f' || n, now() + interval '1 day' FROM generate_series(1, 2000) n"
)


@pytest.fixture(scope="module")
def history(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        for sql in (_ARTICLES, _PODCASTS, _FILES):
            cursor.execute(sql)
        cursor.execute("ANALYZE articles, article_podcasts, loose_files")
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("history")
def test_the_podcasts_of_an_article_are_found_by_their_index() -> None:
    article = Article.objects.order_by("id")[1_000]
    (plan,) = plans_of(lambda: list(Podcast.objects.filter(article=article).order_by("-id")[:51]))
    assert plan.indexes("article_podcasts") == {"podcast_of_article"}


@pytest.mark.usefixtures("history")
def test_one_podcast_is_found_by_its_key_and_that_of_a_job_by_the_jobs() -> None:
    podcast, user = Podcast.objects.order_by("id")[3_000], UserFactory()
    for find in (
        lambda: visible_podcasts(user).filter(pk=podcast.pk).first(),
        lambda: Podcast.objects.filter(job_id=podcast.job_id).first(),
    ):
        (plan,) = plans_of(find)
        assert not plan.read_whole() & {"articles", "article_podcasts"}, plan.root


@pytest.mark.usefixtures("history")
def test_a_deleted_podcast_leaves_its_note_without_a_walk() -> None:
    podcast = Podcast.objects.order_by("id")[3_000]
    for plan in plans_of(podcast.delete):
        assert not plan.read_whole(), plan.root
    for plan in plans_of(lambda: LooseFile.objects.filter(name="f9").update(due_at=ClockTimestamp())):
        assert not plan.read_whole(), plan.root
