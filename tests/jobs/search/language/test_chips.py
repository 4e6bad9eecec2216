"""The conditions of a query, each by itself."""

import pytest

from jobs.search.language.chips import chips
from jobs.search.language.errors import QueryError


def shown(query: str) -> list[str]:
    return [chip.label for chip in chips(query)]


def test_a_query_is_its_conditions() -> None:
    query = 'status:failed AND tags:(a OR b) NOT host:"build 7"  created_at:>=now-7d timeout'
    found = chips(query)
    assert [chip.text for chip in found] == [
        "status:failed",
        "tags:(a OR b)",
        'NOT host:"build 7"',
        "created_at:>=now-7d",
        "timeout",
    ]
    assert [query[chip.start : chip.end] for chip in found] == [chip.text for chip in found]
    assert [chip.label for chip in found] == [
        "status: failed",
        "tags:(a OR b)",
        "not hostname: build 7",
        "created at: ≥ now-7d",
        "timeout",
    ]


@pytest.mark.parametrize(
    ("query", "without"),
    [
        ("status:failed", [""]),
        ("aa bb cc", ["bb cc", "aa cc", "aa bb"]),
        ("aa AND bb AND cc", ["bb AND cc", "aa AND cc", "aa AND bb"]),
        ("aa NOT bb", ["NOT bb", "aa"]),
        ("(aa OR bb)host:cc~1", ["host:cc~1", "(aa OR bb)"]),
        # What parentheses parted stays parted.
        ("aa(bb)cc", ["(bb)cc", "aa cc", "aa(bb)"]),
        # An OR outside of parentheses binds all of it.
        ("aa bb OR cc", [""]),
        ("", []),
    ],
)
def test_a_condition_can_be_taken_away(query: str, without: list[str]) -> None:
    assert [chip.without for chip in chips(query)] == without


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("user:anna", "user id: anna"),
        ("metadata.cpu_cores:>4", "metadata.cpu_cores: > 4"),
        ('"connection reset"', "“connection reset”"),
        (r"host:a\ b", "hostname: a b"),
        ("_exists_:error", "has error message"),
        ("NOT host:*", "lacks hostname"),
        ("created_at:[2026-01 TO *]", "created at: ≥ 2026-01"),
        ("created_at:{2026-01 TO *}", "created at: > 2026-01"),
        ("created_at:[* TO 2026-01}", "created at: < 2026-01"),
        ("created_at:[2026-01 TO 2026-03]", "created at: [2026-01 – 2026-03]"),
        ("priority:[* TO *]", "priority: any"),
        ("--host:a", "hostname: a"),
        ("+host:a", "hostname: a"),
        ("host:bild~1", "hostname: bild~1"),
        ("*:*", "every job"),
        ("NOT aa OR bb", "NOT aa OR bb"),
    ],
)
def test_a_condition_is_said_for_people(query: str, label: str) -> None:
    assert shown(query) == [label]


def test_what_is_no_query_has_none() -> None:
    with pytest.raises(QueryError):
        chips("(aa")
