"""Trees written as queries again: what is read from that is the same tree."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.search.language.fields import FIELDS, Field, Kind, metadata_field
from jobs.search.language.literals import Literal, json_number
from jobs.search.language.parsing import all_of, any_of, parse
from jobs.search.language.tree import (
    ANY,
    EVERYTHING,
    NOTHING,
    ONE,
    Bound,
    Contains,
    Has,
    Is,
    Like,
    Near,
    Node,
    Not,
    Within,
)
from jobs.search.language.writing import quoted, word, write
from tests.jobs.search.language.asked import NOW

TEXTS = st.text(
    st.sampled_from("aB7 :\"\\*?()[]{}<>=+-~^/!&|'@.,é\u3042\n\t") | st.characters(exclude_categories=["Cc", "Cs"]),
    min_size=2,
    max_size=12,
)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.integers(-9, 9).map(Decimal)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
PATHS = st.lists(
    TEXTS.filter(lambda key: "." not in key and "\n" not in key and "\t" not in key), min_size=1, max_size=3
)
METADATA = PATHS.map(tuple).map(metadata_field)


def fields(*kinds: Kind) -> st.SearchStrategy[Field]:
    return st.sampled_from([field for field in FIELDS.values() if field.kind in kinds and not field.choices])


def within(field: Field, values: st.SearchStrategy[Any], **ends: bool) -> st.SearchStrategy[Node]:
    low = st.builds(Bound, values, st.just(ends["low"]) if "low" in ends else st.booleans())
    high = st.builds(Bound, values, st.just(ends["high"]) if "high" in ends else st.booleans())
    both = st.tuples(low, high) | st.tuples(low, st.none()) | st.tuples(st.none(), high)
    return both.map(lambda pair: Within(field, *pair))


def patterns(field: Field) -> st.SearchStrategy[Node]:
    suffix = TEXTS.map(lambda text: Like(field, (ANY, text))) if field.reversed else st.nothing()
    beginning = st.tuples(TEXTS, st.sampled_from([ANY, ONE]), TEXTS).map(lambda pattern: Like(field, pattern))
    return beginning | TEXTS.map(lambda text: Like(field, (text, ANY))) | suffix


def bare(field: Field, value: Decimal | bool) -> Node:
    written = str(value).lower() if isinstance(value, bool) else str(value)
    return any_of((Is(field, written), Is(field, value)))


KEYWORDS = fields(Kind.KEYWORD).flatmap(
    lambda field: (
        st.builds(Is, st.just(field), TEXTS)
        | patterns(field)
        | within(field, TEXTS)
        | st.builds(Near, st.just(field), TEXTS, st.sampled_from([1, 2]))
    )
)
OF_METADATA = METADATA.flatmap(
    lambda field: (
        st.builds(Is, st.just(field), TEXTS)
        | patterns(field)
        | within(field, TEXTS)
        | within(field, NUMBERS)
        | (NUMBERS | st.booleans()).map(lambda value: bare(field, value))
    )
)
CONDITIONS = (
    KEYWORDS
    | OF_METADATA
    | st.builds(Contains, st.none() | fields(Kind.TEXT), TEXTS)
    | st.builds(Has, st.sampled_from(list(FIELDS.values())) | METADATA)
    | st.builds(Is, fields(Kind.NUMBER), NUMBERS)
    | fields(Kind.NUMBER).flatmap(lambda field: within(field, NUMBERS))
    | fields(Kind.MOMENT).flatmap(lambda field: within(field, MOMENTS, low=True, high=False))
    | st.builds(Is, fields(Kind.BOOLEAN), st.booleans())
    | st.builds(Is, fields(Kind.ID), st.uuids())
    | st.builds(Is, fields(Kind.REFERENCE), TEXTS)
    | st.builds(Is, st.just(FIELDS["status"]), st.sampled_from(FIELDS["status"].choices))
)
TREES: st.SearchStrategy[Node] = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: all_of(tuple(parts)))
        | st.lists(inner, min_size=1, max_size=4).map(lambda parts: any_of(tuple(parts)))
        | inner.map(Not)
    ),
    max_leaves=10,
)


@given(TREES)
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_as_the_same(tree: Node) -> None:
    assert parse(write(tree), NOW) == tree


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_values_are_written_so_that_they_are_themselves(text: str) -> None:
    field = FIELDS["hostname"]
    assert parse(f"hostname:{word(text)}") == parse(f"hostname:{quoted(text)}") == Is(field, text)
    assert parse(word(text)) == parse(quoted(text)) == Contains(None, text)


def test_the_empty_trees_are_written() -> None:
    assert write(EVERYTHING) == "*:*"
    assert parse(write(NOTHING)) == Not(EVERYTHING)


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("aa bb OR cc", "(aa AND bb) OR cc"),
        ("-tags:(a OR b)", "NOT (tags:a OR tags:b)"),
        ("host:build*", "hostname:build*"),
        ("host:a\\ b*", "hostname:a\\ b*"),
        ("metadata.n:4", "metadata.n:4"),
        ('metadata.n:"4"', 'metadata.n:"4"'),
        ("status:FAILED created_at:2026-01", None),
    ],
)
def test_what_is_written_can_be_read_by_people(query: str, written: str | None) -> None:
    expected = written or ("status:failed AND created_at:[2026-01-01T00:00:00.000000Z TO 2026-02-01T00:00:00.000000Z}")
    assert write(parse(query, NOW)) == expected


def test_numbers_are_read_as_they_are_written() -> None:
    for text in ("4", "-4.50", "1E+3", "1e-7"):
        number = json_number(Literal(text, quoted=False, start=0))
        assert number is not None
        assert parse(write(Is(FIELDS["priority"], number))) == Is(FIELDS["priority"], number)
