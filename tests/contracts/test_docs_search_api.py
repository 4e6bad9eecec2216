"""docs/search.md says of the API's search what there is, no more and no fewer."""

from typing import Final

from config.api.problem_types import PROBLEM_TYPES
from jobs.api.search_described import DEFAULT_LIMIT, MAX_LIMIT, PARAMETERS, SearchAnswerSerializer
from jobs.search.asking import MOST_COUNTED, MOST_VALUES, Source
from jobs.search.engine import circuit
from jobs.search.fallback import PATIENCE, SECONDS, SECONDS_TO_COUNT
from jobs.search.language.fields import FACETS
from jobs.search.sorting import NEWEST, SORTS
from tests.markdown import ROOT, table, words

PAGE: Final = "docs/search.md"


def told(heading: str) -> dict[str, str]:
    return {name: row[1] for row in table(PAGE, heading) for name in words(row[0])}


def test_parameters_orders_and_facets() -> None:
    parameters = told("parameter")

    assert parameters.keys() == {parameter.name for parameter in PARAMETERS} | {"fields"}
    assert set(words(parameters["sort"])) == SORTS.keys()
    assert words(parameters["sort"])[0] == NEWEST.name
    assert set(words(parameters["facets"])) == set(FACETS)
    assert f"{DEFAULT_LIMIT} unless you say otherwise, {MAX_LIMIT} at most" in parameters["limit"]


def test_members_of_the_answer() -> None:
    members = told("member")

    assert members.keys() == SearchAnswerSerializer().fields.keys()
    assert {source.value for source in Source} <= set(words(members["source"]))
    assert f"{MOST_COUNTED:,}" in members["total"]
    assert f"the {MOST_VALUES} most frequent" in members["facets"]


def test_problems_of_queries() -> None:
    codes = {code for code in PROBLEM_TYPES if code.startswith("query-")}
    assert told("code").keys() == codes | {"unknown-field", "unsupported-in-fallback", "search-busy"}


def test_limits_of_what_is_done_while_the_engine_is_away() -> None:
    assert (circuit.FAILURES, circuit.WITHIN, circuit.SLOW) == (5, 10, 0.8)
    assert (circuit.OPEN_FOR, circuit.OPEN_FOR_AT_MOST) == (5, 60)
    assert (PATIENCE, SECONDS, SECONDS_TO_COUNT) == (1, 5, 0.1)
    page = " ".join((ROOT / PAGE).read_text().split())
    for said in (
        "five bad answers in a row within ten seconds",
        "slower than 0.8 seconds",
        "five seconds at first and a minute at most",
        "no place within a second",
        "stopped after five seconds",
        "counted for 0.1 seconds",
    ):
        assert said in page, said
