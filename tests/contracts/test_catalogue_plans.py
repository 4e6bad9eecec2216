"""The indexes of the catalogue, of the cache and of restricted users are there for queries, and these use them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from accounts.models import User
from accounts.roles import Role
from jobs import catalogue, language_rights
from jobs.api.functions import FunctionFilters, visible_functions
from jobs.models import CachedValue
from tests.contracts.plans import plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

PAGE = 51
FUNCTIONS = """
INSERT INTO meta.functions (language, title, language_title, schema_definition, tags)
SELECT language, title, language || '-' || title, jsonb_build_object('description', repeat('x', 400)),
       ARRAY['tag' || n % 500, 'all']
FROM (SELECT n, 'language' || n % 20 AS language, 'title' || n AS title FROM generate_series(1, 20000) n) made
"""
# One in a hundred has a list of languages; a tenth of those lack Python.
USERS = """
INSERT INTO meta.users (user_id, allowed_languages)
SELECT 'user' || n,
       CASE WHEN n % 1000 = 0 THEN ARRAY['node'] WHEN n % 100 = 0 THEN ARRAY['python', 'node'] END
FROM generate_series(1, 20000) n
"""
VALUES = """
INSERT INTO cached_values SELECT 'key' || n, repeat('x', 100), now() + make_interval(secs => n - 100)
FROM generate_series(1, 20000) n
"""


@pytest.fixture(scope="module", autouse=True)
def laid(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:
            for sql in (FUNCTIONS, USERS, VALUES, "ANALYZE meta.functions, meta.users, cached_values"):
                cursor.execute(sql)
        yield
        transaction.set_rollback(True)


def listed(languages: list[str] | None = None, **filters: str) -> Callable[[], Any]:
    """One page of the list, as the API asks for it."""
    user = User(role=Role.USER, allowed_languages=languages)

    def ask() -> Any:
        found = FunctionFilters(filters, visible_functions(user)).qs
        return list(found.filter(language_title__gt="language1").order_by("language_title")[:PAGE])

    return ask


def whole(names: set[str]) -> set[str]:
    # Django ends the name of a column's own index with a hash.
    return {"functions_language_title" if "language_title_" in name else name for name in names}


QUERIES: dict[str, tuple[str, Callable[[], Any], set[str]]] = {
    "all functions": ("functions", listed(), {"functions_language_title"}),
    "of one language": ("functions", listed(language="language7"), {"function_language"}),
    "of a tag": ("functions", listed(tag="tag30"), {"function_tags"}),
    "one function": ("functions", lambda: catalogue._read({"language7-title7"}), {"functions_language_title"}),
    "who may not use Python": ("users", lambda: language_rights.barred("python"), {"users_restricted"}),
    "a kept result": ("cached_values", lambda: cache.get_many(["a", "b"]), {"cached_values_pkey"}),
    "to keep a result": ("cached_values", lambda: cache.set("a", 1, 60), {"cached_values_pkey"}),
    "what has expired": (
        "cached_values",
        lambda: CachedValue.objects.filter(expires__lte="2000-01-01T00:00:00Z").delete(),
        {"cached_values_expiry"},
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_and_its_index(name: str) -> None:
    table, work, expected = QUERIES[name]
    plans = plans_of(work)
    used = whole(set().union(*(plan.indexes(table) for plan in plans)))
    assert used == expected
    assert table not in set().union(*(plan.read_whole() for plan in plans))


def test_every_index_of_the_catalogue_has_its_query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename IN ('functions', 'cached_values')")
        there = whole({name for (name,) in cursor.fetchall()}) - {"functions_pkey"}
    assert there == set().union(*(expected for table, _, expected in QUERIES.values() if table != "users"))
