"""How often each value of a field occurs among the hits: as the engine counts it, and as PostgreSQL's rows say it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from jobs.models.job import JobQuerySet
from jobs.search.asking import MOST_COUNTED, MOST_VALUES, Facet, Total
from jobs.search.language.fields import FIELDS, HEAD, Kind

Counts = Counter[str | int]

_TEXT_OR_NUMBER: Final = (str, int)


def count(jobs: JobQuerySet, names: Sequence[str]) -> tuple[dict[str, Facet], Total]:
    """Count in PostgreSQL, in one pass over the newest of these jobs; that says how many there are as well."""
    columns = [FIELDS[name].column for name in names]
    rows = list(jobs.order_by("-id").values_list(*columns)[: MOST_COUNTED + 1])
    counted, exact = rows[:MOST_COUNTED], len(rows) <= MOST_COUNTED
    newest = None if exact else MOST_COUNTED
    facets = {
        name: _facet(Counter(_values(name, (row[place] for row in counted))), newest)
        for place, name in enumerate(names)
    }
    return facets, Total(len(counted), exact)


def _values(name: str, column: Iterable[Any]) -> Iterator[str | int]:
    for value in column:
        if FIELDS[name].many:
            yield from {each[:HEAD] for each in value if each}
        elif isinstance(value, _TEXT_OR_NUMBER) and value != "":
            yield value[:HEAD] if isinstance(value, str) else value


def _facet(counts: Counter[Any], newest: int | None = None, more: bool = False) -> Facet:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return Facet(tuple(ordered[:MOST_VALUES]), more or len(ordered) > MOST_VALUES, newest)


def aggregations(names: Sequence[str]) -> dict[str, Any]:
    """Give what the engine is asked to count."""
    return {name: {"terms": {"field": name, "size": MOST_VALUES + 1}} for name in names}


def read(answer: Any, names: Sequence[str]) -> dict[str, Facet]:
    """Give what the engine has counted; raises ValueError for what are no counts."""
    return {name: _read(name, answer[name]) for name in names}


def _read(name: str, counted: Any) -> Facet:
    counts: Counter[Any] = Counter()
    for bucket in counted["buckets"]:
        value, number = bucket["key"], bucket["doc_count"]
        if not isinstance(value, int if FIELDS[name].kind is Kind.NUMBER else str) or not isinstance(number, int):
            raise ValueError("a count that is none")
        counts[value[:HEAD] if isinstance(value, str) else value] += number
    return _facet(counts, more=bool(counted.get("sum_other_doc_count")))
