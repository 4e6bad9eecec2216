"""What people do to schedules: make, change, run now, delete, restore. Each act leaves an audit entry."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from jobs import catalogue, conf, language_rights, timing
from jobs.exceptions import (
    FunctionInactive,
    InvalidOption,
    InvalidPayload,
    InvalidSchedule,
    InvalidState,
    ScheduleExists,
    StaleVersion,
    UnknownJobType,
    Violation,
)
from jobs.models import Schedule
from jobs.models.audit import audit
from jobs.new_job import Enqueued
from jobs.payloads import same_json
from jobs.scheduling import backfilling, faults, moments
from jobs.scheduling.faults import CAP_MOST, DESCRIPTION_MAX_LENGTH, FIELDS, NAME_MAX_LENGTH
from jobs.scheduling.firing import fire_due
from jobs.scheduling.submission import owner_of, submit, submit_now
from jobs.secret_fields import hide, put_back
from jobs.timing import Manual

__all__ = [
    "CAP_MOST",
    "DESCRIPTION_MAX_LENGTH",
    "FIELDS",
    "NAME_MAX_LENGTH",
    "Backfilled",
    "backfill",
    "change",
    "create",
    "fire_due",
    "preview",
    "restore",
    "run_now",
    "skip_next",
    "soft_delete",
    "upcoming",
]


@dataclass(frozen=True, slots=True)
class Backfilled:
    """The times of a range, and the jobs that were made for those that had none."""

    times: list[datetime]
    jobs: dict[datetime, UUID]


#: What decides when its times are.
_RETIMING: Final = frozenset({"schedule_interval", "starts_at", "ends_at", "is_active"})
#: What an operator may do to a schedule that belongs to the code.
_ALWAYS: Final = frozenset({"is_active"})


@transaction.atomic
def create(
    user: Any,
    *,
    name: str,
    job_type: str,
    schedule_interval: dict[str, Any],
    actor: Any = None,
    source: str = Schedule.Source.API,
    reason: str = "",
    **fields: Any,
) -> Schedule:
    """Make a schedule of the user's, or with None of the system's; its jobs belong to the same.

    The actor is the user, unless you name another. Queue, priority and retries are those of the job type if they are
    left out. Raises InvalidSchedule, which names everything that is wrong, ScheduleExists or LanguageNotAllowed.
    """
    _refuse_unknown(fields)
    given = {"name": name, "job_type": job_type, "schedule_interval": schedule_interval, **fields}
    made = _policy(job_type) | {"payload": {}, "is_active": True, "starts_at": None, "ends_at": None} | given
    faults.check(made)
    _check_language(user, job_type)
    schedule = Schedule(user=user, source=source, **made)
    schedule.next_run_at = _first_time(schedule)
    with _refusing_taken_name(name):
        schedule.save(force_insert=True)
    audit(actor or user, "create", schedule, reason, after=_told(schedule.job_type, given))
    schedule.refresh_from_db()
    return schedule


@transaction.atomic
def change(
    schedule_id: UUID, actor: Any, *, expected_version: int | None = None, reason: str = "", **changes: Any
) -> Schedule:
    """Change a schedule. Whatever its times become, none of the past is fired.

    Raises StaleVersion when `expected_version` is not its version any more, InvalidSchedule, ScheduleExists,
    LanguageNotAllowed, or InvalidState for one that is defined in code and not marked as editable: of that one only
    `is_active` can be changed.
    """
    _refuse_unknown(changes)
    schedule = _locked(schedule_id, expected_version)
    if "payload" in changes:
        changes["payload"] = _unmasked(changes["payload"], schedule)
    changes = {name: value for name, value in changes.items() if not same_value(getattr(schedule, name), value)}
    if not changes:
        return schedule
    if changes.keys() - _ALWAYS:
        _refuse_fixed(schedule, "change")
    return _apply(schedule, changes, actor, "change", reason)


def run_now(schedule_id: UUID, actor: Any, reason: str = "") -> Enqueued:
    """Submit its job at once, be it switched off or the job before unfinished; its times stay as they are.

    Raises as enqueue does, InvalidState when its owner is disabled, and UniqueKeyTaken when an unfinished job has the
    unique key that its job type gives it.
    """
    with transaction.atomic():
        schedule = _locked(schedule_id)
        submitted = submit_now(schedule)
        Schedule.objects.filter(pk=schedule.pk).update(last_run_at=Now(), last_job=submitted.id)
        audit(actor, "run", schedule, reason, job=submitted.id)
    return submitted


@transaction.atomic
def skip_next(schedule_id: UUID, actor: Any, reason: str = "", *, expected: datetime | None = None) -> Schedule:
    """Leave the next time of a schedule out; the one behind it stays.

    Raises InvalidState for one that has no time to come, or whose next time is not the `expected` one any more, so
    that two people who mean the same time do not skip two. One that has no further time is switched off.
    """
    schedule = _locked(schedule_id)
    skipped = schedule.next_run_at
    if skipped is None:
        raise InvalidState("skip", "none" if schedule.is_active else "paused", "Cannot skip: no time of it is to come.")
    if expected is not None and expected != skipped:
        raise InvalidState("skip", "moved", f"Cannot skip it: its next time is {skipped:%Y-%m-%d %H:%M:%S} UTC by now.")
    following = moments.within(timing.parse(schedule.schedule_interval).next_after(skipped), schedule.ends_at)
    Schedule.objects.filter(pk=schedule.pk).update(
        next_run_at=following, is_active=following is not None, skipped=F("skipped") + 1
    )
    schedule.refresh_from_db()
    audit(actor, "skip", schedule, reason, before={"next_run_at": skipped}, after={"next_run_at": following})
    return schedule


@transaction.atomic
def backfill(schedule_id: UUID, actor: Any, since: datetime, until: datetime, reason: str = "") -> Backfilled:
    """Make the jobs of the times between two moments that have none; all of them at once, whatever the overlap rule.

    Doing it again makes none twice. Raises as `backfilling.look` and `run_now` do.
    """
    schedule = _locked(schedule_id)
    found = backfilling.look(schedule, since, until)
    jobs = submit(schedule, found.missing)
    if found.missing:
        audit(actor, "backfill", schedule, reason, since=since, until=until, jobs=len(jobs), times=len(found.times))
    return Backfilled(found.times, jobs)


@transaction.atomic
def soft_delete(schedule_id: UUID, actor: Any, reason: str = "", *, expected_version: int | None = None) -> None:
    """Hide a schedule, which then makes no jobs; those it has made go on.

    Raises StaleVersion, or InvalidState for one that is defined in code and not marked as editable.
    """
    schedule = _locked(schedule_id, expected_version)
    _refuse_fixed(schedule, "delete")
    Schedule.objects.filter(pk=schedule.pk).update(is_deleted=True, next_run_at=None)
    audit(actor, "delete", schedule, reason)


@transaction.atomic
def restore(schedule_id: UUID, actor: Any, reason: str = "") -> Schedule:
    """Bring a deleted schedule back; its next time is one to come. One that is there stays as it is.

    Raises ScheduleExists when its owner has given the name to another one meanwhile. What could not be made any more,
    an unknown job type or an end that has passed, comes back switched off.
    """
    schedule = Schedule.objects.select_for_update(of=("self",)).get(pk=schedule_id)
    if not schedule.is_deleted:
        return schedule
    changes: dict[str, Any] = {"is_deleted": False}
    try:
        return _apply(schedule, changes, actor, "restore", reason)
    except InvalidSchedule:
        return _apply(schedule, {**changes, "is_active": False}, actor, "restore", reason)


def upcoming(schedule: Schedule, count: int = 10) -> list[datetime]:
    """Give its next times, or what they would be if it were active; the first of them is the next_run_at it has."""
    when = timing.parse(schedule.schedule_interval)
    if schedule.next_run_at is not None:
        return moments.following(when, schedule.next_run_at, schedule.ends_at, count)
    return moments.times(when, moments.database_time(), schedule.starts_at, schedule.ends_at, count)


def preview(
    schedule_interval: dict[str, Any],
    *,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    count: int = 10,
) -> list[datetime]:
    """Give the times that a schedule would have if it were made now; raises InvalidSchedule."""
    faults.check({"schedule_interval": schedule_interval, "starts_at": starts_at, "ends_at": ends_at})
    when = timing.parse(schedule_interval)
    return moments.times(when, moments.database_time(), starts_at, ends_at, count)


def in_words(schedule_interval: Any) -> str:
    """Describe an interval, be it one that SQL has put in and nobody can read."""
    try:
        return timing.parse(schedule_interval).describe()
    except InvalidSchedule as error:
        return f"Cannot be read: {error}"


def same_value(one: Any, other: Any) -> bool:
    """Tell whether a field has that value already."""
    return same_json(one, other) if isinstance(one, dict) else bool(one == other)


def _apply(schedule: Schedule, changes: dict[str, Any], actor: Any, action: str, reason: str) -> Schedule:
    before, type_before = {name: getattr(schedule, name) for name in changes}, schedule.job_type
    for name, value in changes.items():
        setattr(schedule, name, value)
    fields = {name: getattr(schedule, name) for name in FIELDS}
    # One that could not be made any more can still be switched off, and be restored as such.
    if schedule.is_active or not changes.keys() <= {"is_active", "is_deleted"}:
        faults.check(fields)
        _check_language(owner_of(schedule), schedule.job_type)
    written = {**changes, "last_error": "", **_marks(schedule, changes)}
    if changes.keys() & (_RETIMING | {"is_deleted"}):
        written["next_run_at"] = _first_time(schedule)
    with _refusing_taken_name(schedule.name):
        Schedule.objects.filter(pk=schedule.pk).update(**written)
    schedule.refresh_from_db()
    after = _told(schedule.job_type, changes)
    audit(actor, action, schedule, reason, before=_told(type_before, before), after=after)
    return schedule


def _told(job_type: str, values: dict[str, Any]) -> dict[str, Any]:
    """Give what the audit log may keep for good: no secrets."""
    return {**values, "payload": hide(values["payload"], job_type)} if "payload" in values else values


def _unmasked(payload: Any, schedule: Schedule) -> Any:
    try:
        return put_back(payload, schedule.payload, schedule.job_type)
    except InvalidPayload as error:
        found = [Violation(f"/payload{each.pointer}", each.code, each.detail) for each in error.violations]
        raise InvalidSchedule(found) from error


def _marks(schedule: Schedule, changes: dict[str, Any]) -> dict[str, Any]:
    """Say that from here on a person's word counts, not the code's."""
    if schedule.source != Schedule.Source.CODE:
        return {}
    edited = {"edited_at": Now()} if changes.keys() & (FIELDS - _ALWAYS) else {}
    return {"vanished_at": None, **edited} if "is_active" in changes else edited


def _first_time(schedule: Schedule) -> datetime | None:
    """Give the first time to come; raises InvalidSchedule for an active one that has none."""
    if not schedule.is_active:
        return None
    when = timing.parse(schedule.schedule_interval)
    first = moments.first_time(when, moments.database_time(), schedule.starts_at, schedule.ends_at)
    if first is None and not isinstance(when, Manual):
        raise InvalidSchedule([Violation("/ends_at", "never", "leaves no time to come, and it is active")])
    return first


def _policy(job_type: Any) -> dict[str, Any]:
    """Give what its jobs have unless somebody says otherwise."""
    try:
        found = catalogue.job_type(job_type)
    except (UnknownJobType, FunctionInactive, TypeError):
        # It is said later, with everything else that is wrong.
        return {"queue": conf.DEFAULT_QUEUE, "priority": 5, "max_retries": conf.max_retries()}
    retries = conf.max_retries() if found.max_retries is None else found.max_retries
    return {"queue": found.queue, "priority": found.priority, "max_retries": retries}


def _check_language(user: Any, job_type: str) -> None:
    language_rights.check(user, catalogue.function_of_job_type(job_type).language)


def _refuse_unknown(fields: Mapping[str, Any]) -> None:
    if unknown := sorted(fields.keys() - FIELDS):
        raise InvalidOption(unknown[0], "is not a field of a schedule.")


def _refuse_fixed(schedule: Schedule, action: str) -> None:
    if schedule.source == Schedule.Source.CODE and not schedule.editable:
        detail = f"Cannot {action} it: it is defined in code and not marked as editable. It can be switched off."
        raise InvalidState(action, "code", detail)


@contextmanager
def _refusing_taken_name(name: str) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "schedule_named_once" not in str(error):
            raise
        raise ScheduleExists(name) from error


def _locked(schedule_id: UUID, expected_version: int | None = None) -> Schedule:
    schedule = Schedule.objects.visible().select_for_update(of=("self",)).get(pk=schedule_id)
    if expected_version is not None and schedule.version != expected_version:
        raise StaleVersion(schedule.version)
    return schedule
