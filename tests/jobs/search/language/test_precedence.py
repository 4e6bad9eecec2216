"""Conditions joined in every way, against Python, whose `not`, `and` and `or` bind as they do here."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.search.language.evaluation import fits
from jobs.search.language.parsing import parse
from tests.jobs.search.language.asked import job

TAGS = ("t1", "t2", "t3")
#: How a query writes what Python writes.
JOINTS = [(" ", " and "), (" AND ", " and "), ("  \n", " and "), (" OR ", " or ")]
DENIALS = [("NOT ", "not "), ("-", "not ")]
Pair = tuple[str, str]

atoms: st.SearchStrategy[Pair] = st.sampled_from([(f"tag:{tag}", repr(tag) + " in tags") for tag in TAGS])


def joined(left: Pair, joint: Pair, right: Pair) -> Pair:
    return left[0] + joint[0] + right[0], left[1] + joint[1] + right[1]


def longer(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    grouped = inner.map(lambda pair: (f"({pair[0]})", f"({pair[1]})"))
    denied = st.tuples(st.sampled_from(DENIALS), atoms | grouped).map(
        lambda both: (both[0][0] + both[1][0], both[0][1] + both[1][1])
    )
    return grouped | denied | st.builds(joined, inner, st.sampled_from(JOINTS), inner)


QUERIES = st.recursive(atoms, longer, max_leaves=8)


@given(QUERIES, st.sets(st.sampled_from(TAGS)))
@settings(max_examples=120, deadline=None)
def test_conditions_are_joined_as_python_joins_them(pair: Pair, tags: set[str]) -> None:
    query, expression = pair
    tree = parse(query)
    assert fits(tree, job(tags=sorted(tags))) is bool(eval(expression, {"tags": tags}))
    # The field may stand before all of it, once.
    assert parse(f"tag:({query.replace('tag:', '')})") == tree
