"""Whether a job fits a query: the measure of the other readers."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.search.language.evaluation import edits, fits, is_like
from jobs.search.language.fields import FIELDS, HEAD, OWNER, TEXT_HEAD
from jobs.search.language.tree import ANY, EVERYTHING, NOTHING, ONE, Has, Is, Not, Wildcard
from tests.jobs.search.language.asked import NOW, found, job

ID = UUID("01980f1c-7c2a-7b3e-9d55-2f6f0a1b2c3d")


@pytest.mark.parametrize(
    ("query", "fields", "expected"),
    [
        ("hostname:build", {"hostname": "build"}, True),
        ("hostname:build", {"hostname": "Build"}, False),
        ("hostname:b*", {"hostname": "build"}, True),
        ("hostname:b*d", {"hostname": "builds"}, False),
        ("hostname:b?ild", {"hostname": "b\nild"}, True),
        ("user_email:*@example.org", {"user_email": "anna@example.org"}, True),
        ("hostname:[a TO c}", {"hostname": "build"}, True),
        ("hostname:[a TO c}", {"hostname": "c"}, False),
        # By code points: capitals come first.
        ("hostname:<a", {"hostname": "Z"}, True),
        ("hostname:bild~1", {"hostname": "build"}, True),
        ("hostname:biuld~1", {"hostname": "build"}, True),
        ("hostname:bd~2", {"hostname": "build"}, False),
        ("tags:a", {"tags": ["b", "a"]}, True),
        ("tags:(a c)", {"tags": ["b", "a"]}, False),
        # One and the same of several values is between the bounds.
        ("tags:[b TO c]", {"tags": ["a", "d"]}, False),
        ("tags:(>=b <=c)", {"tags": ["a", "d"]}, True),
        ("status:failed", {"status": "failed"}, True),
        ("priority:[1 TO 5}", {"priority": 5}, False),
        ("priority:>=5", {"priority": 5}, True),
        ("priority:5.0", {"priority": 5}, True),
        ("is_deleted:false", {}, True),
        ("created_at:2026-11-22", {}, True),
        ("created_at:>2026-11", {}, False),
        ("created_at:<=2026-11", {}, True),
        ("created_at:>=now/d", {}, True),
        ("created_at:now", {}, True),
        ("created_at:<now", {"created_at": NOW - timedelta(microseconds=1)}, True),
        (f"id:{ID}", {}, True),
        (f"parent:{ID}", {"parent_id": ID}, True),
        ("error_class:Time*", {"error_details": {"error_class": "TimeoutError"}}, True),
        ("error_class:Time*", {"error_details": {"error_class": 5}}, False),
        ("error_class:Time*", {"error_details": ["error_class"]}, False),
        ("error:TIMEOUT", {"error_message": "a timeout after 5 s"}, True),
        ("error:timeouts", {"error_message": "a timeout after 5 s"}, False),
        ('error:"out after"', {"error_message": "a timeout\nafter 5 s"}, True),
        ("timeout", {"error_message": "a timeout"}, True),
        ("pile", {"job_type": "compile"}, True),
        ("GATE", {"project_name": "gateway"}, True),
        ("gate", {"hostname": "gateway"}, True),
        ("gate", {"arch": "gateway"}, False),
        ("deep", {"metadata": {"a": [{"b": [["very deep"]]}]}}, True),
        ("deep", {"metadata": {"deep": 1}}, False),
    ],
)
def test_what_fits(query: str, fields: dict[str, Any], expected: bool) -> None:
    assert found(query, **fields) is expected


@pytest.mark.parametrize("name", ["hostname", "error_message", "error_class", "started_at", "tags", "parent_id"])
def test_what_a_job_lacks_is_like_nothing_and_not_of_that_is_true(name: str) -> None:
    assert not found(f"_exists_:{name}")
    assert found(f"NOT _exists_:{name}")
    for asked in ("[* TO z]", "a*", "aa"):
        if FIELDS[name].kind.value == "keyword":
            assert not found(f"{name}:{asked}")
            assert found(f"NOT {name}:{asked}")
    assert not found("started_at:<now") and found("NOT started_at:<now")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("metadata.n:4", True),
        ('metadata.n:"4"', False),
        ("metadata.n:4.00", True),
        ("metadata.n:>3.9", True),
        ("metadata.s:4", True),
        ('metadata.s:"4"', True),
        ("metadata.s:4.0", False),
        ("metadata.s:>3", False),
        ('metadata.s:>"3"', True),
        ("metadata.t:true", True),
        ('metadata.t:"true"', False),
        ("metadata.t:1", False),
        ("metadata.one:true", False),
        ("metadata.list:b", True),
        ("metadata.list:[c TO d]", False),
        ("metadata.objects.k:2", True),
        ("metadata.objects:*", False),
        ("metadata.nested:x", False),
        ("metadata.null:*", False),
        ("metadata.empty:*", False),
        ("metadata.list:*", True),
        ("metadata.missing:*", False),
        ("metadata.big:0.1000000000000000000000001", True),
        ("metadata.big:0.1", False),
        ("metadata.s:4*", True),
        ("metadata.n:4*", False),
    ],
)
def test_metadata_has_types(query: str, expected: bool) -> None:
    metadata = {
        "n": 4,
        "s": "4",
        "t": True,
        "one": 1,
        "list": ["a", "b", 5],
        "objects": [{"k": 1}, {"k": [2]}],
        "nested": [["x"]],
        "null": None,
        "empty": "",
        "big": Decimal("0.1000000000000000000000001"),
    }
    assert found(query, metadata=metadata) is expected


def test_long_texts_count_by_their_beginning() -> None:
    assert found("hostname:a*", hostname="a" * 5000)
    assert not found("hostname:*b", hostname="a" * (HEAD + 1) + "b")
    assert found("needle", error_message=" " * (TEXT_HEAD - 6) + "needle")
    assert not found("needle", error_message=" " * (TEXT_HEAD - 5) + "needle")


def test_the_empty_trees() -> None:
    assert fits(EVERYTHING, job())
    assert not fits(NOTHING, job())
    assert fits(Not(NOTHING), job())


def test_references_are_resolved_before() -> None:
    with pytest.raises(ValueError, match="resolved"):
        fits(Is(FIELDS["user_id"], "anna"), job())
    assert fits(Is(OWNER, ID), job(user_id=ID))
    assert not fits(Has(OWNER), job())


_SIGNS = st.lists(st.sampled_from(["a", "b", ANY, ONE]), max_size=8)


@given(_SIGNS, st.text("ab\n", max_size=10))
@settings(max_examples=150, deadline=None)
def test_patterns_fit_as_a_regular_expression_does(signs: list[str | Wildcard], text: str) -> None:
    pattern = "".join(sign if isinstance(sign, str) else ".*" if sign.several else "." for sign in signs)
    assert is_like(text, signs) == bool(re.fullmatch(pattern, text, re.DOTALL))


def test_a_pattern_of_many_wildcards_takes_no_longer() -> None:
    assert not is_like("a" * 1000, [sign for _ in range(300) for sign in ("a", ANY)] + ["b"])


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
@settings(max_examples=100, deadline=None)
def test_edits_are_counted_as_by_their_definition(one: str, other: str) -> None:
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        found = [distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])]
        if i > 1 and j > 1 and one[i - 2 : i] == other[j - 1] + other[j - 2]:
            found.append(distance(i - 2, j - 2) + 1)
        return min(found)

    exact = distance(len(one), len(other))
    for most in (1, 2):
        assert (edits(one, other, most) <= most) == (exact <= most)
