"""Whatever is typed: a tree or a QueryError comes of it, soon, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.search.language.chips import chips
from jobs.search.language.errors import QueryError
from jobs.search.language.evaluation import fits
from jobs.search.language.fields import NAMES
from jobs.search.language.parsing import all_of, parse
from jobs.search.language.tree import Node
from jobs.search.language.writing import write
from tests.jobs.search.language.asked import NOW, job

PIECES = [
    *"()[]{}<>=+-~^/!\\*?:\"'. \n\u3000",
    *(" AND ", " OR ", " NOT ", "AND", "NOT", " TO ", "&&", "||", ">=", "~1", "^2", "~2.5.", "\x00", "\ud800"),
    *('"a b"', "[a TO b]", "[1 TO *]", "{2026 TO now}", "aa", "foo", "5", "1e5", "1e999", "true", "-4", "2026-01-01"),
    *("now-7d/d", "2026-01-01||+1M/M", "T10:00:00+02:00", "/re/", "_exists_:", "metadata.a.b:", "metadata.", "İ", "😀"),
    *(f"{name}:" for name in NAMES),
]
#: What may be a query more often than text does, and text.
QUERIES = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)


def read(query: str) -> Node | None:
    try:
        return parse(query, NOW)
    except QueryError as error:
        assert error.message and error.code
        assert error.position is None or 0 <= error.position <= len(query)
        # It is refused before the parser sees it: that would not know what to say.
        assert error.message != "This cannot be read as a query."
        return None


@given(QUERIES)
@example('aa OR"b b"')
@example("AND<2026")
@example(" aa~1")
@example("priority:<5~1")
@example("aa~1.2.3")
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_tree_or_an_error(query: str) -> None:
    tree = read(query)
    if tree is None:
        return
    assert parse(write(tree), NOW) == tree
    # Names are resolved by the database before.
    if "Kind.REFERENCE" not in repr(tree):
        assert fits(tree, job()) in (True, False)
    conditions = [parse(chip.text, NOW) for chip in chips(query)]
    assert all_of(tuple(conditions)) == tree
    for index, chip in enumerate(chips(query)):
        rest = conditions[:index] + conditions[index + 1 :]
        assert parse(chip.without, NOW) == all_of(tuple(rest))


@pytest.mark.parametrize(
    "piece",
    [
        *"()\"\\*~[a-:'",
        "a ",
        "aa ",
        "a:",
        "a OR ",
        "NOT ",
        "[a TO ",
        "[ ",
        "hostname:a* ",
        '("a" OR -b) ',
        "a\\ ",
        "(",
        "now+1d",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    query = (piece * 2048)[:2048]
    read(query)
    start = process_time()
    read(query)
    read(query[:-1] + ")")
    assert process_time() - start < 0.1


def test_the_longest_queries_do_not_take_long() -> None:
    query = " OR ".join(f"(hostname:build{n}* AND NOT priority:[{n} TO 100])" for n in range(32))[:2048]
    assert read(query)
    start = process_time()
    for _ in range(5):
        read(query)
    assert (process_time() - start) / 5 < 0.05


def test_threads_do_not_read_each_others_queries() -> None:
    queries = [f"hostname:h{n} AND (priority:>{n % 100} OR tags:(t{n} x{n})) NOT text{n}" for n in range(200)]
    expected = [write(parse(query, NOW)) for query in queries]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda query: write(parse(query, NOW)), queries)) == expected
