"""The times of a schedule as a calendar: days in rows, hours in columns, on the clock of the schedule."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs import timing
from jobs.admin.schedule_runs import TONES
from jobs.exceptions import InvalidSchedule
from jobs.models import Job, Schedule
from jobs.scheduling import moments
from jobs.statuses import Status
from jobs.timing import Cron

#: Days before and behind today.
PAST: Final = 4
AHEAD: Final = 7
#: Times ahead and jobs of the past that are looked at: one that comes every second fills no more of the picture.
MOST_TIMES: Final = 1_500
MOST_RUNS: Final = 5_000
#: From good to bad: an hour looks like the worst that happened in it.
_RANK: Final = ("good", "rest", "1", "bad")


@dataclass(slots=True)
class Hour:
    """One hour of one day: what ran, and what is to come."""

    name: str
    runs: Counter[str] = field(default_factory=Counter)
    ahead: int = 0
    now: bool = False
    #: Further away than was worked out.
    beyond: bool = False

    @property
    def tone(self) -> str:
        tones = [TONES.get(Status(status), "1") for status in self.runs]
        return max(tones, key=_RANK.index) if tones else ""

    @property
    def count(self) -> int:
        return self.runs.total() + self.ahead

    @property
    def words(self) -> str:
        """Say all of it, for the tooltip and for those who do not see the colour."""
        ran = [f"{count} {Status(status).label}" for status, count in sorted(self.runs.items())]
        ahead = [ngettext("%(count)s to come", "%(count)s to come", self.ahead) % {"count": self.ahead}]
        return f"{self.name}: {', '.join([*ran, *(ahead if self.ahead else [])])}" if self.count else ""


@dataclass(frozen=True, slots=True)
class Day:
    name: str
    hours: list[Hour]
    today: bool = False


@dataclass(frozen=True, slots=True)
class Calendar:
    days: list[Day]
    zone: str
    #: Whether there are times that were not worked out.
    cut: bool = False


def calendar(schedule: Schedule) -> Calendar | None:
    """Draw up the days about today; None for one without times, or with an interval that nobody can read."""
    try:
        when = timing.parse(schedule.schedule_interval)
    except InvalidSchedule:
        return None
    if isinstance(when, timing.Manual):
        return None
    zone: tzinfo = when.zone if isinstance(when, Cron) else UTC
    now = moments.database_time().astimezone(zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.date() - timedelta(days=PAST)
    days = [_day(first + timedelta(days=number), now) for number in range(PAST + 1 + AHEAD)]
    places = {(first + timedelta(days=number)): day.hours for number, day in enumerate(days)}
    for at, status in _runs(schedule, midnight - timedelta(days=PAST + 1)):
        if hour := _hour(places, at.astimezone(zone)):
            hour.runs[status] += 1
    ahead = _ahead(when, schedule)
    for at in ahead:
        if hour := _hour(places, at.astimezone(zone)):
            hour.ahead += 1
    cut = len(ahead) == MOST_TIMES and _mark_beyond(days, places, ahead[-1].astimezone(zone))
    return Calendar(days, str(zone), cut)


def _day(date: Any, now: datetime) -> Day:
    name, today = date_format(date, "D j M"), date == now.date()
    hours = [Hour(f"{name} {hour:02}:00", now=today and hour == now.hour) for hour in range(24)]
    return Day(name, hours, today)


def _hour(places: dict[Any, list[Hour]], at: datetime) -> Hour | None:
    hours = places.get(at.date())
    return hours[at.hour] if hours else None


def _runs(schedule: Schedule, since: datetime) -> Iterable[Any]:
    made = Job.objects.filter(schedule=schedule, scheduled_for__gte=since).order_by("-scheduled_for")
    return made.values_list("scheduled_for", "status")[:MOST_RUNS]


def _ahead(when: timing.Timing, schedule: Schedule) -> list[datetime]:
    if schedule.next_run_at is None:
        return []
    return moments.following(when, schedule.next_run_at, schedule.ends_at, MOST_TIMES)


def _mark_beyond(days: list[Day], places: dict[Any, list[Hour]], last: datetime) -> bool:
    """Mark the hours behind the last time that was worked out; tells whether there are any."""
    reached, marked = _hour(places, last), False
    if reached is None:
        return False
    behind = False
    for day in days:
        for hour in day.hours:
            hour.beyond = behind
            marked |= behind
            behind |= hour is reached
    return marked


def legend() -> list[tuple[str, str]]:
    """Say which colour is which."""
    return [
        ("good", _("completed")),
        ("bad", _("failed")),
        ("1", _("under way")),
        ("rest", _("cancelled")),
        ("ahead", _("to come")),
    ]
