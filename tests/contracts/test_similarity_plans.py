"""Searching and comparing reads a few entries of the index, however many articles others have."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from jobs.models import Article
from jobs.similarity.index import index_article
from jobs.similarity.nearest import nearest
from jobs.similarity.search import search
from jobs.similarity.terms import owner_key, term_key
from tests.contracts.plans import nested_plans
from tests.factories import UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

TABLES = {"article_vectors", "article_terms"}

# Ten thousand articles of forty terms each, of another owner.
_OTHERS = """
INSERT INTO articles (id, user_id, stage, text)
SELECT lpad(to_hex(n), 32, '0')::uuid, %s, 'extracted', 'text' FROM generate_series(1, 10000) n;
SET LOCAL session_replication_role = replica;
INSERT INTO article_vectors (article_id, owner, keys, counts, length)
SELECT lpad(to_hex(n), 32, '0')::uuid, %s, array_agg(%s # (n * 7919::bigint * t %% 20011)), array_agg(1::smallint), 6.3
FROM generate_series(1, 10000) n CROSS JOIN generate_series(1, 40) t GROUP BY n;
SET LOCAL session_replication_role = origin;
INSERT INTO article_terms (key, articles)
SELECT k, count(*) FROM article_vectors, unnest(keys) k GROUP BY k UNION ALL SELECT %s, 10000
"""


@pytest.fixture(scope="module", params=[True, False], ids=["analyzed", "statistics-of-empty-tables"])
def library(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any
) -> Iterator[tuple[User, Article]]:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        analyze = "ANALYZE articles, article_vectors, article_terms"
        cursor.execute(analyze)
        ada, bob = UserFactory(), UserFactory()
        owner = owner_key(bob.pk)
        cursor.execute(_OTHERS, [bob.pk, owner, owner, owner])
        for n in range(30):
            article = Article.objects.create(user=ada, text=f"relay race kyoto day {n % 7}", stage="extracted")
            index_article(article)
        if request.param:
            cursor.execute(analyze)
        yield ada, article
        transaction.set_rollback(True)


def read(work: Any) -> tuple[set[str], set[str]]:
    """Name the indexes of the terms that are used, and their tables that are read from end to end."""
    plans = nested_plans(work)
    whole = {name for plan in plans for name in plan.read_whole()} & TABLES
    return {name for plan in plans for table in TABLES for name in plan.indexes(table)}, whole


def test_comparing(library: tuple[User, Article]) -> None:
    used, whole = read(lambda: nearest(library[1]))
    assert not whole
    assert {"article_vector_keys", "article_terms_pkey", "article_vectors_pkey"} == used


def test_searching(library: tuple[User, Article]) -> None:
    used, whole = read(lambda: list(search(library[0], "relay kyoto")[:20]))
    assert not whole
    assert used == {"article_vector_keys"}


def test_indexing(library: tuple[User, Article]) -> None:
    library[1].text = "relay race osaka"
    used, whole = read(lambda: index_article(library[1]))
    assert not whole
    assert {"article_terms_pkey", "article_vectors_pkey"} == used


def test_keys_of_an_owner_are_its_own(library: tuple[User, Article]) -> None:
    ada, _ = library
    assert term_key("relay", owner_key(ada.pk)) != term_key("relay", 0)
