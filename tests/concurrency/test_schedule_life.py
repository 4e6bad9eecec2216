"""Schedules against a model that walks their times one by one: any order of what people, workers and the clock do."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from jobs import control, schedules
from jobs.exceptions import InvalidSchedule, ScheduleExists, StaleVersion
from jobs.models import Job, Schedule
from jobs.scheduling import moments
from jobs.scheduling.catching_up import GRACE
from jobs.scheduling.firing import fire_due
from tests.jobs.conftest import note, register  # noqa: F401 (fixtures)
from tests.jobs.scheduling.rows import NOON
from tests.jobs.states import beside

INTERVALS = {
    "15 s": {"type": "timedelta", "seconds": 15},
    "7.5 min": {"type": "timedelta", "seconds": 450},
    "5-minutely": {"type": "cron", "expression": "*/5 * * * *"},
    "hourly": {"type": "cron", "expression": "30 * * * *"},
    "manual": {"type": "manual"},
}
FIELDS = {
    "schedule_interval": st.sampled_from(sorted(INTERVALS)).map(INTERVALS.get),
    "misfire": st.sampled_from(["skip", "latest", "all"]),
    "misfire_cap": st.sampled_from([1, 2, 5]),
    "overlap": st.sampled_from(["allow", "skip", "cancel"]),
    "starts_at": st.one_of(st.none(), st.integers(-90, 60).map(lambda minutes: NOON + timedelta(minutes=minutes))),
    "ends_at": st.one_of(st.none(), st.integers(1, 90).map(lambda minutes: NOON + timedelta(minutes=minutes))),
    "is_active": st.booleans(),
}
SOME_FIELDS = st.fixed_dictionaries({}, optional=FIELDS)
#: Of those that are there from the beginning.
AT_FIRST = {
    "schedule_interval": st.sampled_from(["15 s", "15 s", "7.5 min", "5-minutely"]).map(INTERVALS.get),
    **{name: FIELDS[name] for name in ("misfire", "misfire_cap", "overlap", "ends_at")},
}


DEFAULTS = {"misfire": "latest", "misfire_cap": 10, "overlap": "allow", "is_active": True}
#: How long after a schedule's time somebody looks, and who.
LATE = st.sampled_from([0, 40, 60, 60.5, 450, 5400])
WHO = st.sampled_from(["one", "one", "two", "one who dies", "one whose clock is behind", "nobody"])


@dataclass
class Model:
    """What a schedule should be."""

    name: str
    fields: dict[str, Any]
    next: datetime | None = None
    version: int = 1
    skipped: int = 0
    deleted: bool = False
    fired: list[datetime] = field(default_factory=list)
    #: Times of its unfinished jobs, None of those that were run by hand.
    unfinished: list[datetime | None] = field(default_factory=list)

    def following(self, moment: datetime, anchor: datetime) -> datetime | None:
        """Walk from one time, or from one minute, to the next until one comes after the moment."""
        interval, end = self.fields["schedule_interval"], self.fields["ends_at"]
        if interval["type"] == "timedelta":
            step, found = timedelta(seconds=interval["seconds"]), anchor
            while found <= moment:
                found += step
        else:
            minutes = range(0, 60, 5) if interval["expression"] == "*/5 * * * *" else [30]
            found = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
            while found.minute not in minutes:
                found += timedelta(minutes=1)
        return None if end is not None and found > end else found

    def retime(self, now: datetime) -> bool:
        """Give the next time; False when it is active and there is none to come, or when it ends before it starts."""
        self.next, start, end = None, self.fields["starts_at"], self.fields["ends_at"]
        if start and end and end <= start:
            return False
        if not self.fields["is_active"] or self.fields["schedule_interval"]["type"] == "manual":
            return True
        if start is not None and start > now:
            self.next = self.following(start - timedelta(seconds=0.5), start)
        else:
            self.next = self.following(now, start or now)
        return self.next is not None

    def fire(self, now: datetime) -> None:
        first, times = self.next, []
        if first is None or first > now or self.deleted:
            return
        moment: datetime | None = first
        while moment is not None and moment <= now:
            times.append(moment)
            moment = self.following(moment, first)
        self.next, self.fields["is_active"] = moment, moment is not None
        made = self.made_up_for(times, now)
        if self.fields["overlap"] == "skip":
            made = [] if self.unfinished else made[:1]
        if self.fields["overlap"] == "cancel" and made:
            made, self.unfinished = made[-1:], []
        self.skipped += len(times) - len(made)
        self.fired += made
        self.unfinished += made
        self.version += moment is None

    def made_up_for(self, times: list[datetime], now: datetime) -> list[datetime]:
        if now - times[0] <= GRACE:
            return times
        match self.fields["misfire"]:
            case "skip":
                return [moment for moment in times if now - moment <= GRACE]
            case "latest":
                return times[-1:]
            case _:
                return times[-self.fields["misfire_cap"] :]


class ScheduleLife(RuleBasedStateMachine):
    made = Bundle("made")
    clock: list[datetime]

    @initialize(target=made, each=st.lists(st.fixed_dictionaries(AT_FIRST), min_size=3, max_size=3))
    def begin(self, each: list[dict[str, Any]]) -> Any:
        Job.objects.all().delete()
        Schedule.objects.all().delete()
        self.clock[0] = NOON
        self.models: dict[Any, Model] = {}
        return multiple(*(self.make(name, fields) for name, fields in zip("abc", each, strict=True)))

    @property
    def now(self) -> datetime:
        return self.clock[0]

    # What people do

    @rule(target=made, name=st.sampled_from("abcd"), fields=SOME_FIELDS)
    def create(self, name: str, fields: dict[str, Any]) -> Any:
        pk = self.make(name, fields)
        return multiple() if pk is None else pk

    def make(self, name: str, fields: dict[str, Any]) -> Any:
        given = {"schedule_interval": INTERVALS["5-minutely"], **fields}
        model = Model(name, {**dict.fromkeys(FIELDS), **DEFAULTS, **given})
        possible, taken = model.retime(self.now), self.taken(name)
        try:
            schedule = schedules.create(None, name=name, job_type="note", **given)
        except InvalidSchedule:
            assert not possible
            return None
        except ScheduleExists:
            assert possible and taken
            return None
        assert possible and not taken
        self.models[schedule.pk] = model
        return schedule.pk

    def taken(self, name: str) -> bool:
        return any(model.name == name and not model.deleted for model in self.models.values())

    @rule(pk=made, changes=SOME_FIELDS, stale=st.integers(0, 4).map(lambda number: number == 0))
    def change(self, pk: Any, changes: dict[str, Any], stale: bool) -> None:
        if (model := self.there(pk)) is None:
            return
        effective = {name: value for name, value in changes.items() if model.fields[name] != value}
        after = Model(model.name, {**model.fields, **effective}, model.next)
        possible = True
        if effective.keys() & {"schedule_interval", "starts_at", "ends_at", "is_active"}:
            possible = after.retime(self.now)
        try:
            schedules.change(pk, None, expected_version=model.version - stale, **changes)
        except StaleVersion as error:
            assert stale and error.current == model.version
        except InvalidSchedule:
            assert not stale and not possible
        else:
            assert not stale and possible
            model.fields, model.next, model.version = after.fields, after.next, model.version + bool(effective)

    def there(self, pk: Any) -> Model | None:
        model = self.models.get(pk)
        return None if model is None or model.deleted else model

    @rule(pk=made)
    def delete(self, pk: Any) -> None:
        if model := self.there(pk):
            schedules.soft_delete(pk, None)
            model.deleted, model.next, model.version = True, None, model.version + 1

    @rule(pk=made)
    def restore(self, pk: Any) -> None:
        model = self.models.get(pk)
        if model is None or not model.deleted:
            return
        if self.taken(model.name):
            with pytest.raises(ScheduleExists):
                schedules.restore(pk, None)
            return
        schedules.restore(pk, None)
        model.deleted, model.version = False, model.version + 1
        # What has no time to come any more comes back switched off.
        model.fields["is_active"] &= model.retime(self.now)

    @rule(pk=made)
    def run_now(self, pk: Any) -> None:
        if model := self.there(pk):
            schedules.run_now(pk, None)
            model.unfinished.append(None)

    # What workers do, and time

    @rule(pk=made)
    def finish_its_jobs(self, pk: Any) -> None:
        if model := self.models.get(pk):
            for job in Job.objects.unfinished_of(pk):
                control.cancel(job.pk, None)
            model.unfinished = []

    @rule(pk=made, late=LATE, who=WHO)
    def come_to_its_time(self, pk: Any, late: float, who: str) -> None:
        if (model := self.models.get(pk)) and model.next:
            self.clock[0] = max(self.now, model.next + timedelta(seconds=late))
        self.fire(who)

    @rule(pk=made, late=LATE, who=WHO)
    def come_to_its_time_again(self, pk: Any, late: float, who: str) -> None:
        self.come_to_its_time(pk, late, who)

    @rule(seconds=st.sampled_from([0, 1, 299.5, 1800, 5400]), who=WHO)
    def pass_time(self, seconds: float, who: str) -> None:
        self.clock[0] += timedelta(seconds=seconds)
        self.fire(who)

    def fire(self, who: str) -> None:
        now = self.now
        match who:
            case "nobody":
                return
            case "two":
                together = threading.Barrier(2, timeout=30)
                for done in [beside(lambda: (together.wait(), fire_due(now=now))) for _ in range(2)]:
                    done()
            case "one who dies":
                with transaction.atomic():
                    fire_due(now=now)
                    transaction.set_rollback(True)
                return
            case "one whose clock is behind":
                now -= timedelta(minutes=20)
                fire_due(now=now)
            case _:
                fire_due(now=now)
        for model in self.models.values():
            model.fire(now)

    @invariant()
    def every_schedule_is_as_the_model_says(self) -> None:
        rows = {row.pk: row for row in Schedule.objects.all()}
        jobs = list(Job.objects.values_list("schedule_id", "scheduled_for", "status"))
        assert rows.keys() == self.models.keys()
        for pk, model in self.models.items():
            row = rows[pk]
            seen = (row.next_run_at, row.is_active, row.is_deleted, row.skipped, row.version, row.last_error)
            assert seen == (model.next, model.fields["is_active"], model.deleted, model.skipped, model.version, "")
            assert {name: getattr(row, name) for name in FIELDS} == model.fields
            mine = [(time, status) for schedule, time, status in jobs if schedule == pk]
            assert sorted(time for time, _ in mine if time) == sorted(set(model.fired))
            assert sum(status == "pending" for _, status in mine) == len(model.unfinished)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("note")
@pytest.mark.timeout(180)
def test_no_order_of_acts_breaks_a_schedule(monkeypatch):
    ScheduleLife.clock = [NOON]
    monkeypatch.setattr(moments, "database_time", lambda using=None: ScheduleLife.clock[0])
    run_state_machine_as_test(
        ScheduleLife,
        settings=settings(
            max_examples=14,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
