"""Why a job was found: what of its texts the query asks for, looked up in the row, whoever found it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from jobs.models import Job
from jobs.search.asking import Highlight, conditions
from jobs.search.language.evaluation import fits, values_of
from jobs.search.language.fields import FIELDS, FREE_TEXT, METADATA_PREFIX, TEXT_HEAD, Kind
from jobs.search.language.folding import fold
from jobs.search.language.metadata_values import entries
from jobs.search.language.tree import Contains, Is, Like, Near, Node

#: Of one job.
MOST: Final = 8
#: Characters of a piece, and how many of them stand before what is found.
LONGEST: Final = 240
BEFORE: Final = 60
#: Of one text.
MOST_SPANS: Final = 50

Span = tuple[int, int]


def highlighter(tree: Node) -> Callable[[Job], list[Highlight]]:
    """Make what finds the matching pieces of a job's texts; what a query excludes is none."""
    wanted = [condition for condition, negated in conditions(tree) if not negated]
    pieces = [condition for condition in wanted if isinstance(condition, Contains)]
    wholes = [condition for condition in wanted if isinstance(condition, Is | Like | Near) and _is_telling(condition)]
    if not pieces and not wholes:
        return lambda job: []
    return lambda job: [*_pieces(job, pieces), *_wholes(job, wholes)][:MOST]


def _is_telling(condition: Is | Like | Near) -> bool:
    """Leave out what has few values: whoever asks for failed jobs need not be shown that they are."""
    return condition.field.kind is Kind.KEYWORD and not condition.field.choices


def _pieces(job: Job, conditions: list[Contains]) -> Iterator[Highlight]:
    looked_for: defaultdict[str, set[str]] = defaultdict(set)
    anywhere = {fold(condition.text) for condition in conditions if condition.field is None}
    for condition in conditions:
        for name in FREE_TEXT if condition.field is None else (condition.field.name,):
            looked_for[name].add(fold(condition.text))
    for name, texts in looked_for.items():
        for value in values_of(FIELDS[name], job):
            yield from _of_text(name, value, texts)
    if anywhere:
        for path, value in entries(job.metadata):
            yield from _of_text(METADATA_PREFIX + ".".join(path), value, anywhere)


def _of_text(name: str, text: Any, looked_for: set[str]) -> Iterator[Highlight]:
    if isinstance(text, str) and (found := spans(text[:TEXT_HEAD], looked_for)):
        yield cut(name, text[:TEXT_HEAD], found)


def spans(text: str, looked_for: set[str]) -> list[Span]:
    """Give where any of these folded texts is, in order and without overlaps."""
    folded = fold(text)
    found = sorted(span for wanted in looked_for for span in _places(folded, wanted))
    joined: list[Span] = []
    for begin, end in found:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _places(folded: str, wanted: str) -> Iterator[Span]:
    begin = folded.find(wanted)
    for _ in range(MOST_SPANS):
        if begin < 0:
            return
        yield begin, begin + len(wanted)
        begin = folded.find(wanted, begin + len(wanted))


def cut(name: str, text: str, found: list[Span]) -> Highlight:
    """Cut the piece around the first of these places out of the text."""
    start = max(0, found[0][0] - BEFORE)
    piece = text[start : start + LONGEST]
    inside = ((begin - start, min(end - start, len(piece))) for begin, end in found)
    return Highlight(name, piece, tuple((begin, end) for begin, end in inside if begin < len(piece)))


def _wholes(job: Job, conditions: list[Is | Like | Near]) -> Iterator[Highlight]:
    shown = set()
    for condition in conditions:
        for value in values_of(condition.field, job):
            # Asked of the one value, because one of several tags is enough for the job to fit.
            alone = Job(**{condition.field.column: [value]}) if condition.field.many else job
            if (condition.field.name, value) not in shown and fits(condition, alone):
                shown.add((condition.field.name, value))
                yield cut(condition.field.name, str(value), [(0, len(str(value)))])
