"""Keeps the rows of schedules that are defined in code in step with it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connections, router, transaction
from django.utils import timezone

from jobs import timing
from jobs.models import Schedule
from jobs.registry import registry
from jobs.scheduling import moments
from jobs.scheduling.definitions import fields_of

_logger = logging.getLogger(__name__)

#: What a schedule says of itself when its definition is gone.
VANISHED: Final = "It is not in the code any more."

_COLUMNS_THERE: Final = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('public.job_schedules')"
_RETIMING: Final = frozenset({"schedule_interval", "starts_at", "ends_at"})


@dataclass(frozen=True, slots=True)
class Report:
    """What a synchronization changed, by name."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    #: Names that the system's other schedules have: people must give those others.
    taken: list[str] = field(default_factory=list)


def synchronize(using: str | None = None) -> Report:
    """Write a row for each schedule of the registered job types, and switch off those that are gone from the code.

    Writes only differences. What a person switched off or deleted stays so, and of an editable one what a person
    changed. What was switched off because it was gone comes back with its definition. Never fires the past.
    """
    using = using or router.db_for_write(Schedule)
    report = Report()
    with transaction.atomic(using=using):
        rows = _rows(using)
        wanted = _wanted()
        for name in sorted(wanted.keys() - rows.keys()):
            _add(wanted[name], report, using)
        for name in sorted(wanted.keys() & rows.keys()):
            _adopt(rows[name], wanted[name], report, using)
        for name in sorted(rows.keys() - wanted.keys()):
            _switch_off(rows[name], report, using)
    for name in report.taken:
        _logger.warning("the schedule %s of the code is left out: the system has another one of this name", name)
    return report


def synchronize_migrated(using: str, **kwargs: Any) -> None:
    """Synchronize after migrations, if this database holds schedules, and as this release knows them."""
    if not router.allow_migrate_model(using, Schedule):
        return
    with connections[using].cursor() as cursor:
        cursor.execute(_COLUMNS_THERE)
        there = {name for (name,) in cursor.fetchall()}
    if {column.column for column in Schedule._meta.concrete_fields} <= there:
        synchronize(using)


def _rows(using: str) -> dict[str, Schedule]:
    """Lock the rows of the code's schedules; of several of one name the one that is there, or the last deleted."""
    rows = Schedule.objects.using(using).filter(source=Schedule.Source.CODE, user=None)
    # One order for all who do this at the same time.
    return {row.name: row for row in rows.select_for_update().order_by("name", "-is_deleted", "id")}


def _wanted() -> dict[str, dict[str, Any]]:
    return {
        scheduled.name or job_type.name: {**fields_of(job_type, scheduled), "editable": scheduled.editable}
        for job_type in registry
        for scheduled in job_type.schedules
    }


def _add(wanted: Mapping[str, Any], report: Report, using: str) -> None:
    schedule = Schedule(source=Schedule.Source.CODE, user=None, **wanted)
    _retime(schedule, using)
    # Two processes that start together both come here; the second waits for the first, and then has nothing to add.
    Schedule.objects.using(using).bulk_create([schedule], ignore_conflicts=True)
    there = Schedule.objects.using(using).visible().get(user=None, name=schedule.name)
    if there.source != Schedule.Source.CODE:
        report.taken.append(schedule.name)
    elif there.pk == schedule.pk:
        report.added.append(schedule.name)


def _adopt(schedule: Schedule, wanted: Mapping[str, Any], report: Report, using: str) -> None:
    if schedule.is_deleted:
        return
    changes = dict(wanted)
    if schedule.edited_at is not None:
        if wanted["editable"]:
            changes = {"editable": True}
        else:
            changes["edited_at"] = None
    ended = schedule.ends_at is not None and schedule.ends_at < moments.database_time(using)
    differing = {name for name, value in changes.items() if getattr(schedule, name) != value}
    for name in differing:
        setattr(schedule, name, changes[name])
    returned = schedule.vanished_at is not None
    if returned or ("ends_at" in differing and ended):
        # Not a person has switched it off, but the code.
        schedule.is_active, schedule.vanished_at, schedule.last_error = True, None, ""
        differing |= {"is_active", "vanished_at", "last_error"}
    if differing & (_RETIMING | {"is_active"}):
        _retime(schedule, using)
        differing |= {"is_active", "next_run_at"}
    if differing:
        schedule.save(using=using, update_fields=differing)
        (report.returned if returned else report.changed).append(schedule.name)


def _switch_off(schedule: Schedule, report: Report, using: str) -> None:
    if schedule.is_deleted or not schedule.is_active:
        return
    schedule.is_active, schedule.next_run_at, schedule.vanished_at = False, None, timezone.now()
    schedule.last_error = VANISHED
    schedule.save(using=using, update_fields=["is_active", "next_run_at", "vanished_at", "last_error"])
    report.vanished.append(schedule.name)


def _retime(schedule: Schedule, using: str) -> None:
    when = timing.parse(schedule.schedule_interval)
    now = moments.database_time(using)
    first = moments.first_time(when, now, schedule.starts_at, schedule.ends_at) if schedule.is_active else None
    schedule.next_run_at = first
    if first is None and not isinstance(when, timing.Manual):
        schedule.is_active = False
