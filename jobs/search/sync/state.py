"""How the sync stands: which indexes are written, how far behind they are, and what lies aside."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from django.db import connection, transaction

from jobs.models import SearchIndex, SearchSlot

#: Each is counted up to so many; what is more is said to be that many.
MOST_COUNTED: Final = 100_000

_FIGURES: Final = (files("jobs") / "sql" / "queries" / "search_figures.sql").read_text()


@dataclass(frozen=True, slots=True)
class Figures:
    """What is still to be sent; all zero while search is switched off."""

    #: Jobs that changed since they were sent.
    dirty: int = 0
    #: Seconds since the oldest of these changes, or since the oldest deletion that was not sent.
    lag: float = 0.0
    tombstones: int = 0
    #: Documents that the engine refused and that are put aside.
    rejections: int = 0


def is_enabled() -> bool:
    """Tell whether changes are sent at all: slots are made by `manage.py search enable`, and go when it is disabled."""
    return SearchSlot.objects.exists()


def targets() -> tuple[str, ...]:
    """Name the indexes that every change is sent to now.

    The first index of all is no target while it is being loaded: the loader marks what it sends, and what changes
    behind it waits until it is through.
    """
    written = list(SearchIndex.objects.written().order_by("name"))
    if not any(index.state == SearchIndex.State.SERVING or index.loaded_at for index in written):
        return ()
    return tuple(index.name for index in written)


def figures() -> Figures:
    """Count what is still to be sent, by the database index of changed jobs, and without it not at all."""
    return _figures(MOST_COUNTED)


def lag() -> float:
    """Give the seconds for which the oldest unsent change has waited; 0 when all is sent, or search is off."""
    return _figures(1).lag


def _figures(most: int) -> Figures:
    with transaction.atomic(), connection.cursor() as cursor:
        # By its statistics a third of all jobs might have changed, and the whole table would be read.
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Slots are made after the database index, and go before it.
        if not is_enabled():
            return Figures()
        cursor.execute(_FIGURES, {"most": most})
        return Figures(*cursor.fetchone())
