"""How endpoints are doing, as pages, metrics and the doctor show it: from the newest deliveries, never from history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Final
from uuid import UUID

from django.db import connection

#: Deliveries that are looked at for each endpoint, the newest ones, and attempted ones of these that count.
LOOKED_AT: Final = 200
COUNTED: Final = 40

_RECENT: Final = (files("jobs") / "sql" / "queries" / "recent_webhook_deliveries.sql").read_text(encoding="utf-8")


@dataclass(slots=True)
class Recent:
    """The newest deliveries of one endpoint that were attempted, the latest first."""

    accepted: int = 0
    attempted: int = 0
    last_at: datetime | None = None
    last_status: int | None = None
    #: Of their last attempts, in milliseconds, the oldest first.
    durations: list[float] = field(default_factory=list)

    @property
    def share(self) -> int | None:
        """How many of a hundred were accepted; None where nothing was attempted."""
        return round(100 * self.accepted / self.attempted) if self.attempted else None


def recent(endpoints: Iterable[UUID]) -> dict[UUID, Recent]:
    """Give the figures of these endpoints in one question."""
    keys = list(endpoints)
    found = {key: Recent() for key in keys}
    if not keys:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [keys, LOOKED_AT, COUNTED])
        for row in cursor.fetchall():
            _count(found[row[0]], row[1:])
    return found


def _count(figures: Recent, row: Sequence[object]) -> None:
    accepted, status, at, milliseconds = row
    if not figures.attempted:
        figures.last_at = at if isinstance(at, datetime) else None
        figures.last_status = status if isinstance(status, int) else None
    figures.attempted += 1
    figures.accepted += bool(accepted)
    figures.durations.insert(0, float(str(milliseconds or 0)))
