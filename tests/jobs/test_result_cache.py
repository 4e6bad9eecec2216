import json
import logging

import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.redis_link import link_to
from config import caches as described
from jobs import result_cache
from jobs.result_cache import canonical, digest, find, store
from tests.redis_server import NOBODY, forget

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.django_db
def test_a_result_is_found_again_by_what_means_the_same():
    store("node-add", "1", {"a": 1, "b": {"y": [1.0, 2.5], "x": None}}, '{"sum": 3}', 60)
    kept = find("node-add", "1", {"b": {"x": None, "y": [1, 2.5]}, "a": 1.0})
    assert kept is not None and kept.result == {"sum": 3} and 58 <= kept.ttl <= 60


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "version", "payload"),
    [
        ("node-add", "2", {"a": 1}),
        ("node-sub", "1", {"a": 1}),
        ("node-add", "1", {"a": "1"}),
        ("node-add", "1", {"a": True}),
        ("node-add", "1", {"a": [1]}),
        ("node-add", "1", {"a": 1, "b": None}),
    ],
)
def test_another_call_has_another_result(name, version, payload):
    store("node-add", "1", {"a": 1}, "3", 60)
    assert find(name, version, payload) is None


@pytest.mark.django_db
def test_nothing_is_a_result_too():
    store("node-add", "1", {}, None, 60)
    kept = find("node-add", "1", {})
    assert kept is not None and kept.result is None


@given(JSON)
def test_the_text_of_the_same_json_is_the_same_however_it_travelled(value):
    assert canonical(json.loads(json.dumps(value))) == canonical(value)
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.django_db
@settings(deadline=None, max_examples=60)
@example(6.249555902809727e16)
@example(-0.0)
@example(1e300)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70))
def test_a_number_has_the_same_key_before_and_after_the_database(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT (%s::jsonb)::text", [json.dumps([number])])
        ((text,),) = cursor.fetchall()
    assert digest("f", "1", json.loads(text)) == digest("f", "1", [number])


@pytest.mark.django_db
def test_parts_of_the_key_do_not_run_into_each_other():
    assert digest("f", "12", {}) != digest("f1", "2", {})


@pytest.mark.django_db
def test_a_redis_that_is_away_costs_the_copy_only(caplog):
    with override_settings(CACHES={"default": described.default(NOBODY)}):
        with caplog.at_level(logging.WARNING):
            store("node-add", "1", {"a": 1}, "3", 60)
            assert find("node-add", "1", {"a": 1}) is None
    link = link_to(NOBODY)
    assert ["Redis is away" in record.message for record in caplog.records] == [True], "told once"
    assert (link.state.losses, link.state.fallbacks["cache"]) == (1, 2)
    forget(NOBODY)


@pytest.mark.django_db
def test_a_table_that_is_away_costs_the_copy_only(caplog):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cached_values RENAME TO gone")
        with caplog.at_level(logging.WARNING):
            result_cache.store("node-add", "1", {"a": 1}, "3", 60)
        # The caller's transaction lives on.
        cursor.execute("SELECT 1")
    assert "is not kept" in caplog.text
