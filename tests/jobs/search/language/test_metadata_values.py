"""What stands in metadata, by path."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.search.language.metadata_values import entries, is_path, texts, values

KEYS = st.sampled_from(["a", "b", "c.d", "", "é"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "4", "true"]) | st.just(0.5)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    ),
    max_size=3,
)
PATHS = [("a",), ("b",), ("a", "b"), ("b", "a", "a"), ("é",)]


@pytest.mark.django_db
@given(DOCUMENTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_paths_lead_where_those_of_postgresql_lead(document: dict[str, Any]) -> None:
    for path in PATHS:
        steps = "$" + "".join(f".{json.dumps(key)}" for key in path)
        with connection.cursor() as cursor:
            # The filter unwraps a list at the end; one inside of a list is a list still, and then none of these types.
            cursor.execute(
                "SELECT coalesce(jsonb_agg(found), '[]')::text FROM jsonb_path_query(%s, %s::jsonpath) AS found",
                [
                    json.dumps(document),
                    steps + ' ? (@.type() != "null" && @.type() != "object" && @.type() != "array")',
                ],
            )
            theirs = json.loads(cursor.fetchone()[0], parse_int=Decimal, parse_float=Decimal)
        assert list(map(_typed, values(document, path))) == [_typed(value) for value in theirs if value != ""]


@given(DOCUMENTS)
@settings(max_examples=50, deadline=None)
def test_entries_are_the_values_of_all_paths(document: dict[str, Any]) -> None:
    by_path: dict[tuple[str, ...], list[Any]] = {}
    for path, value in entries(document):
        assert is_path(path)
        by_path.setdefault(path, []).append(_typed(value))
    for path in {*by_path, *PATHS}:
        assert sorted(map(_typed, values(document, path)), key=repr) == sorted(by_path.get(path, []), key=repr)


def test_texts_are_found_wherever_they_stand() -> None:
    document = {"a": ["x", ["y", {"b.c": "z", "": "w"}], "", None, 5], "d": "v"}
    assert sorted(texts(document)) == ["v", "w", "x", "y", "z"]


def test_what_no_query_can_name_is_no_entry() -> None:
    assert list(entries({"a.b": 1, "": 2, "a\x1fb": 3, "c": {"d.e": 4, "f": 5}})) == [(("c", "f"), Decimal(5))]
    deep: Any = "x"
    for _ in range(5000):
        deep = {"a": deep}
    assert list(entries(deep)) == []


def test_numbers_are_what_people_wrote() -> None:
    assert list(values({"a": [0.1, 1e22, 10**30, Decimal("0.10000000000000000000001")]}, ("a",))) == [
        Decimal("0.1"),
        Decimal("1e22"),
        Decimal(10**30),
        Decimal("0.10000000000000000000001"),
    ]


def _typed(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value
