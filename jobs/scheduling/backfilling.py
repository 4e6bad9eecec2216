"""Making up for times of the past: the jobs that a schedule would have made, had it been there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final

from jobs import timing
from jobs.exceptions import InvalidOption
from jobs.models import Job, Schedule
from jobs.scheduling import moments
from jobs.timing import Every, Timing

#: Times that one backfill makes up for.
MOST: Final = 1_000
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """The times of a schedule between two moments, and which of them have their job already."""

    times: list[datetime]
    made: frozenset[datetime]

    @property
    def missing(self) -> list[datetime]:
        return [moment for moment in self.times if moment not in self.made]


def look(schedule: Schedule, since: datetime, until: datetime) -> Range:
    """Give the times from one moment to another, both included, whatever the schedule's own start and end.

    One that is run only by hand has none. Raises InvalidOption for a range that is none, reaches into the future or
    holds more than MOST times, and InvalidSchedule for an interval that nobody can read.
    """
    when = timing.parse(schedule.schedule_interval)
    if since < EARLIEST:
        raise InvalidOption("since", "must not lie before the year 2000.")
    if until < since:
        raise InvalidOption("until", "must not lie before the begin.")
    if until > moments.database_time():
        raise InvalidOption("until", "must not lie ahead: those times come by themselves.")
    times = list(takewhile(lambda moment: moment <= until, _times(when, schedule, since)))
    if len(times) > MOST:
        raise InvalidOption("until", f"leaves more than {MOST:,} times; choose a shorter range.")
    made = Job.objects.filter(schedule=schedule, scheduled_for__in=times).order_by()
    return Range(times, frozenset(moment for moment in made.values_list("scheduled_for", flat=True) if moment))


def _times(when: Timing, schedule: Schedule, since: datetime) -> list[datetime]:
    """Give one more than MOST times from this moment on."""
    if isinstance(when, Every):
        # Those that it would have had, if it had always kept its step.
        anchor = schedule.next_run_at or schedule.starts_at or since
        first = anchor - (anchor - since) // when.step * when.step
        return [first, *when.upcoming(first, MOST)]
    return when.upcoming(since - datetime.resolution, MOST + 1)
