"""The oracle: what check_json lets pass, PostgreSQL stores and gives back equal."""

import json
import math
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobs.exceptions import InvalidPayload
from jobs.payloads import MAX_DEPTH, MAX_INTEGER_DIGITS, MAX_KEYS, check_json, check_text, dump, dump_payload, same_json

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**320), max_value=10**320)
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "L"]), max_size=5)
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


def as_json_numbers(value):
    """A float and the whole number it equals are one number in JSON."""
    if isinstance(value, dict):
        return {key: as_json_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json_numbers(inner) for inner in value]
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return ("number", Decimal(repr(value)).normalize() if value else 0)
    return value


def kept(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [text])
        return json.loads(cursor.fetchone()[0])


@pytest.mark.django_db
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example({"a": [1e23, -0.0, 5e-324, 1e299, 10**299, "\U0001f3c3", "\ufffe", "\x01"]})
@example({"a": 1e308})
@given(documents)
def test_what_passes_is_stored_and_given_back_equal(document):
    if check_json(document):
        return
    returned = kept(dump(document, 10**6))
    assert as_json_numbers(returned) == as_json_numbers(document)
    assert not check_json(returned), "what was stored may be stored again"


NESTED_LISTS = [[]]
for _ in range(1_200):
    NESTED_LISTS = [NESTED_LISTS]


@pytest.mark.parametrize(
    ("value", "pointer", "code"),
    [
        ("a\x00b", "/bad", "nul"),
        ("\ud800", "/bad", "surrogate"),
        (["fine", {"x": "\udfff"}], "/bad/1/x", "surrogate"),
        (math.nan, "/bad", "not-finite"),
        (math.inf, "/bad", "not-finite"),
        (-math.inf, "/bad", "not-finite"),
        (1e301, "/bad", "number-too-large"),
        (10**MAX_INTEGER_DIGITS, "/bad", "integer-too-long"),
        (-(10**MAX_INTEGER_DIGITS), "/bad", "integer-too-long"),
        ([10**5_000], "/bad/0", "integer-too-long"),
        (NESTED_LISTS, "/bad" + "/0" * (MAX_DEPTH - 1), "too-deep"),
        ({"k\x00": 1}, "/bad", "nul"),
        ({"\ud800": 1}, "/bad", "surrogate"),
        ({1: "one"}, "/bad", "key"),
        ({"~/": "\x00"}, "/bad/~0~1", "nul"),
        (date(2026, 1, 1), "/bad", "not-json"),
        (b"bytes", "/bad", "not-json"),
        ({"set"}, "/bad", "not-json"),
        ({f"k{i}": i for i in range(MAX_KEYS)}, "", "too-many-keys"),
    ],
)
def test_poison_is_refused_by_place_and_code(value, pointer, code):
    with pytest.raises(InvalidPayload) as caught:
        dump_payload({"bad": value})
    assert (pointer, code) in [(violation.pointer, violation.code) for violation in caught.value.violations]


@pytest.mark.parametrize("digits", [1, 19, 20, MAX_INTEGER_DIGITS])
def test_integers_of_lawful_length_pass(digits):
    assert check_json(10**digits - 1) == []


def test_the_deepest_lawful_document_passes():
    document = "bottom"
    for _ in range(MAX_DEPTH):
        document = [document]
    assert check_json(document) == []
    assert check_json([document]) != []


def test_size_is_counted_in_bytes_of_utf8():
    assert dump("é" * 4, 10) == '"éééé"'
    with pytest.raises(InvalidPayload, match="is 12 bytes long, the limit is 11") as caught:
        dump("é" * 5, 11)
    assert caught.value.violations[0].code == "too-large"


def test_a_list_of_faults_ends():
    assert len(check_json([math.nan] * 1_000)) == 20


@pytest.mark.parametrize("text", ["", "走る", "\U0001f3c3", "\ud7ff\ue000"])
def test_text_that_postgresql_holds(text):
    assert check_text(text) is None


def test_the_same_json():
    assert same_json({"a": [1, None], "b": "é"}, {"b": "é", "a": [1, None]})
    for one, other in [({"a": True}, {"a": 1}), ([1], [1.0]), ([1, 2], [2, 1]), ({}, []), ({"a": {1}}, {"a": {1}})]:
        assert not same_json(one, other)
