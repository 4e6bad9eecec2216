"""The right to build an index: one process has it at a time, and another takes over from one that died."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from jobs.exceptions import JobError
from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.models.search_index import SearchIndexQuerySet

#: Whoever builds an index writes its row more often than this; after so long it is taken for dead.
HELD_FOR: Final = timedelta(seconds=60)
#: Seconds after which its row is written at the latest.
SIGN_OF_LIFE: Final = HELD_FOR.total_seconds() / 6


class HoldLost(JobError):
    """Another process has taken over the building of the index; nothing was written."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to build one index, until it is let go or not written for too long."""

    name: str
    token: int

    def row(self) -> SearchIndex:
        """Give the row, locked in the caller's transaction."""
        row = self._mine().select_for_update().first()
        if row is None:
            raise HoldLost
        return row

    def write(self, **columns: Any) -> None:
        """Write these columns of the row, and hold it for another while; without any it is a sign of life."""
        if not self._mine().update(held_until=ClockTimestamp() + HELD_FOR, **columns):
            raise HoldLost

    def let_go(self) -> None:
        """Let the next one begin at once."""
        self._mine().update(held_until=None)

    def _mine(self) -> SearchIndexQuerySet:
        return SearchIndex.objects.filter(name=self.name, token=self.token, state=SearchIndex.State.BUILDING)


def take(name: str) -> Hold | None:
    """Take the right to build an index; None while another process has it, or when it is no longer being built."""
    with transaction.atomic():
        found = SearchIndex.objects.filter(name=name, state=SearchIndex.State.BUILDING).select_for_update()
        row = found.first()
        if row is None or found.filter(held_until__gt=ClockTimestamp()).exists():
            return None
        found.update(token=F("token") + 1, held_until=ClockTimestamp() + HELD_FOR)
        return Hold(name, row.token + 1)
