"""What docs/search.md says of the query language is so."""

import re

import pytest

from jobs.search.language import grammar, scanning
from jobs.search.language.errors import QueryError
from jobs.search.language.fields import FIELDS, HEAD, LEAST_OF_TEXT, TEXT_HEAD, Kind
from jobs.search.language.parsing import parse
from jobs.search.language.tree import And, Has, Not, Or
from tests.markdown import ROOT, blocks, table, words

PAGE = "docs/search.md"
KINDS = {
    "text": Kind.KEYWORD,
    "texts": Kind.KEYWORD,
    "one": Kind.KEYWORD,
    "pieces": Kind.TEXT,
    "number": Kind.NUMBER,
    "moment": Kind.MOMENT,
    "`true`": Kind.BOOLEAN,
    "id": Kind.ID,
    "name": Kind.REFERENCE,
}


def queries(first: str) -> list[str]:
    return [query.replace("\\|", "|") for row in table(PAGE, first) for query in words(row[0])]


def test_the_table_of_fields_is_the_list_of_fields() -> None:
    shown = [row for row in table(PAGE, "field") if "…" not in row[0]]
    assert [words(row[0]) for row in shown] == [[name] for name in FIELDS]
    for (_, also, holds, help_text), field in zip(shown, FIELDS.values(), strict=True):
        assert tuple(words(also)) == field.aliases
        assert KINDS[re.split(r"[ ,]", holds)[0]] is field.kind
        assert holds.startswith("texts") == field.many
        assert holds.endswith("also by its end") == field.reversed
        assert (tuple(words(holds)) if holds.startswith("one of") else ()) == field.choices
        assert help_text == field.help


@pytest.mark.parametrize("query", [*queries("query"), *queries("moment")])
def test_what_is_shown_can_be_asked(query: str) -> None:
    parse(query)


def test_the_first_example_can_be_asked() -> None:
    (example,) = [block.text for block in blocks(PAGE) if block.text.startswith("status:failed AND arch:arm64")]
    tree = parse(example)
    assert isinstance(tree, And) and len(tree.parts) == 6


@pytest.mark.parametrize("query", queries("refused"))
def test_what_is_refused_is_refused(query: str) -> None:
    with pytest.raises(QueryError):
        parse(query)


def test_each_code_of_a_refusal_is_named() -> None:
    page = (ROOT / PAGE).read_text()
    sources = "".join(path.read_text() for path in (ROOT / "jobs" / "search").rglob("*.py"))
    codes = set(re.findall(r'QueryError\(\s*"([a-z-]+)"', sources))
    assert {"syntax", "unknown-field", "bad-value", "too-long"} <= codes
    assert {code for code in codes if f"`{code}`" not in page and f"`query-{code}`" not in page} == set()


def test_the_limits_are_those_of_the_code() -> None:
    page = " ".join((ROOT / PAGE).read_text().split())
    assert f"at most {scanning.LONGEST:,} characters, {grammar.MOST_CLAUSES} conditions" in page
    assert f"{grammar.DEEPEST} levels" in page
    assert f"at most {HEAD:,} characters, and longer ones are searched by their first {HEAD:,}" in page
    assert f"the first {TEXT_HEAD:,} count, and a piece has at least {LEAST_OF_TEXT}" in page


def test_what_is_said_to_be_the_same_is_the_same() -> None:
    assert parse("aa OR bb cc") == parse("aa OR (bb AND cc)")
    assert parse("-aa") == parse("NOT aa") and parse("+aa") == parse("aa")
    assert parse("error_class:*") == parse("_exists_:error_class") == Has(FIELDS["error_class"])
    assert isinstance(parse("NOT _exists_:parent_id"), Not)
    assert isinstance(parse("status:(failed OR dead_letter)"), Or)
