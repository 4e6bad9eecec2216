"""A look at what a wish would act on: how many rows, and some of them."""

import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from jobs.bulk.selecting import FIRST, WINDOW, Selection
from jobs.bulk.wishes import Wish
from jobs.exceptions import SearchTooBroad
from jobs.models import DeadLetter, Job
from jobs.models.statement_limit import StatementStopped, statement_limit

#: So many are counted for a person who waits.
COUNT_CAP: Final = 10_000
SAMPLES: Final = 10
#: A look takes no longer than this, however few rows there are between many.
SECONDS: Final = 3.0

_SHOWN: Final = {
    "job": ("id", "job_type", "queue", "status", "created_at", "error_message"),
    "dead_letter": ("id", "original_job_id", "job_type", "error_class", "error_message", "moved_at"),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would find: `matched` rows, more if `capped`, and the oldest of them."""

    matched: int
    capped: bool
    samples: list[Any]


def preview(wish: Wish, user: Any = None) -> Preview:
    """Look at what a checked wish would act on, in the caller's transaction; the oldest rows come first.

    Raises SearchTooBroad where one window of ids alone is too much to look at.
    """
    selection = Selection(wish.target, wish.selector)
    try:
        with statement_limit(SECONDS):
            matched, capped, ids = counted(selection, COUNT_CAP, SECONDS)
            samples = _rows(wish.target, ids)
    except StatementStopped as error:
        raise SearchTooBroad from error
    return Preview(matched, capped, samples)


def counted(selection: Selection, most: int, seconds: float) -> tuple[int, bool, list[UUID]]:
    """Count up to so many rows, for so long; gives the count, whether there may be more, and the first ids."""
    if selection.is_listed:
        ids = list(selection.rows().order_by("pk").values_list("pk", flat=True)[: most + 1])
        return min(len(ids), most), len(ids) > most, ids[:SAMPLES]
    until = time.monotonic() + seconds
    matched, first, after = 0, list[UUID](), FIRST
    while True:
        window = selection.window(after, WINDOW)
        matched += len(window.ids)
        first = (first + window.ids[:SAMPLES])[:SAMPLES]
        if window.reached is None:
            return (most, True, first) if matched > most else (matched, False, first)
        if matched > most or time.monotonic() > until:
            return min(matched, most), True, first
        after = window.reached


def _rows(target: str, ids: list[UUID]) -> list[Any]:
    model: Any = Job if target == "job" else DeadLetter
    return list(model.objects.filter(pk__in=ids).only(*_SHOWN[target]).order_by("pk"))
