"""What a query becomes for the engine stays within what engines take."""

from typing import Any
from uuid import UUID

from hypothesis import given, settings

from jobs.search.as_dsl import as_dsl
from jobs.search.language.fields import FIELDS, OWNER, metadata_field
from jobs.search.language.parsing import parse
from jobs.search.language.tree import Has, Is, Node, Or
from tests.jobs.search import trees

#: Elasticsearch takes bool in bool so often, and what asks for the rights of the caller is around it.
MOST_NESTED = 20 - 2
#: Known to both products for many versions.
CLAUSES = {"bool", "terms", "range", "prefix", "wildcard", "exists", "match_phrase", "match_all", "match_none", "fuzzy"}


def clauses(found: Any, depth: int = 0) -> list[tuple[str, int]]:
    """Name the clauses in a clause, and how many bools are around each."""
    ((name, inner),) = found.items()
    if name != "bool":
        return [(name, depth)]
    assert inner.keys() <= {"filter", "must_not", "should", "minimum_should_match"}
    below = [each for key, listed in inner.items() if key != "minimum_should_match" for each in listed]
    return [(name, depth), *(each for part in below for each in clauses(part, depth + 1))]


@settings(deadline=None)
@given(trees.trees)
def test_only_simple_clauses_are_used(tree: Node) -> None:
    assert {name for name, _ in clauses(as_dsl(tree))} <= CLAUSES


def test_the_deepest_query_is_not_too_deep() -> None:
    text = "(arch:a OR arch:b AND NOT " * 8 + "metadata.x:*" + ")" * 8
    assert max(depth for _, depth in clauses(as_dsl(parse(text)))) <= MOST_NESTED


def test_values_of_one_property_are_looked_for_at_once() -> None:
    ids = [UUID(int=number) for number in range(3)]
    assert as_dsl(Or(tuple(Is(OWNER, each) for each in ids))) == {"terms": {"user": [str(each) for each in ids]}}
    assert as_dsl(parse("metadata.cores:4")) == {
        "terms": {"metadata": ["s:cores\x1f4", "n:cores\x1f249999994"]},
    }
    assert as_dsl(Or((Is(FIELDS["arch"], "a"),))) == {"terms": {"arch": ["a"]}}


def test_any_value_below_a_path_will_do_for_having_one() -> None:
    found = as_dsl(Has(metadata_field(("a", "b"))))
    starts = [clause["prefix"]["metadata"]["value"] for clause in found["bool"]["should"]]
    assert starts == ["s:a.b\x1f", "n:a.b\x1f", "b:a.b\x1f"]
