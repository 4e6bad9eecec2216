"""Which of a schedule's times that have come make jobs. Decides only: no database here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jobs import timing
from jobs.models import Schedule
from jobs.scheduling.moments import within

#: A time is missed when nobody has fired it so long after: until then it was only a moment of inattention.
GRACE: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Due:
    """Times that are to make jobs, in order, how many others have passed, and the next one to come."""

    times: list[datetime]
    skipped: int
    next_run_at: datetime | None


def catch_up(schedule: Schedule, now: datetime) -> Due:
    """Look at the times from next_run_at to now.

    Unless the first of them was missed, all make jobs: they are as many as fit into GRACE. If it was, `skip` leaves
    those that are not within GRACE, `latest` all but the last, `all` all but the last `misfire_cap`.
    Raises InvalidSchedule for an interval that SQL has put there.
    """
    first, when = schedule.next_run_at, timing.parse(schedule.schedule_interval)
    assert first is not None
    until = now if schedule.ends_at is None else min(now, schedule.ends_at)
    missed = first < now - GRACE
    past = when.past(first, until, _most(schedule) if missed else int(GRACE.total_seconds()) + 1)
    times = past.latest
    if missed and schedule.misfire == Schedule.Misfire.SKIP:
        times = [moment for moment in times if moment >= now - GRACE]
    # A timedelta goes on from its own times, so that it does not drift by the delay of each.
    following = when.next_after(past.latest[-1] if past.latest else now)
    return Due(times, past.count - len(times), within(following, schedule.ends_at))


def _most(schedule: Schedule) -> int:
    match schedule.misfire:
        case Schedule.Misfire.ALL:
            return schedule.misfire_cap
        case Schedule.Misfire.LATEST:
            return 1
        case _:
            return int(GRACE.total_seconds()) + 1
