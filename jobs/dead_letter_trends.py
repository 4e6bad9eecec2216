"""How groups of dead letters grow: by the hour, of hours that a trigger counts, so that no letter is looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.timezone import now

from jobs.models import DeadLetterHour

#: A week, the present hour among them.
HOURS: Final = 168


@dataclass(frozen=True, slots=True)
class Trend:
    """Letters of a group that came in each hour of the last week, the oldest first."""

    #: When the first hour began.
    since: datetime
    counts: list[int]

    @property
    def hour(self) -> int:
        """Since the full hour."""
        return self.counts[-1]

    @property
    def day(self) -> int:
        return sum(self.counts[-24:])

    @property
    def week(self) -> int:
        return sum(self.counts)

    def coarse(self, hours: int) -> list[int]:
        """Add up so many hours each, for a line that has no room for all of them."""
        return [sum(self.counts[start : start + hours]) for start in range(0, len(self.counts), hours)]


def trend(fingerprints: Iterable[str]) -> Mapping[str, Trend]:
    """Give the last week of each of these groups, by their fingerprints, in one query."""
    wanted = list(fingerprints)
    this = now().replace(minute=0, second=0, microsecond=0)
    since = this - timedelta(hours=HOURS - 1)
    found = {fingerprint: [0] * HOURS for fingerprint in wanted}
    rows = DeadLetterHour.objects.filter(error_fingerprint__in=wanted, hour__gte=since).order_by()
    for fingerprint, hour, count in rows.values_list("error_fingerprint", "hour", "count"):
        # The database's clock may be ahead by a little.
        found[fingerprint][min(HOURS - 1, int((hour - since) / timedelta(hours=1)))] += count
    return {fingerprint: Trend(since, counts) for fingerprint, counts in found.items()}


def prune() -> int:
    """Forget the hours that no trend shows any more."""
    return DeadLetterHour.objects.filter(hour__lt=now() - timedelta(hours=HOURS + 24)).delete()[0]
