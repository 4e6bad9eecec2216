"""A job of a schedule, into the queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import router

from accounts.uuid7 import uuid7
from jobs import catalogue, language_rights, tracing
from jobs.announce import announce
from jobs.exceptions import InvalidState
from jobs.insert_statements import insert_alike
from jobs.inserting import insert, insert_each
from jobs.models import Job, Schedule
from jobs.new_job import Enqueued, Row, row_of
from jobs.scheduling.faults import job_of

# The last guard: whoever fires holds the schedule's row, and so nobody else has made it.
_ONCE: Final = " ON CONFLICT (schedule_id, scheduled_for) WHERE schedule_id IS NOT NULL DO NOTHING RETURNING id"


def submit_now(schedule: Schedule) -> Enqueued:
    """Submit the schedule's job for none of its times. Raises as submit does."""
    return insert(_row(schedule))


def submit(schedule: Schedule, times: Sequence[datetime]) -> dict[datetime, UUID]:
    """Submit the schedule's jobs for these times; leaves out those that have theirs already.

    So it does where another job has the unique key that the job type gives it. The jobs belong to the schedule's owner,
    and what that user may do counts now. Raises as enqueue does, LanguageNotAllowed, and InvalidState when the owner is
    disabled.
    """
    if not times:
        return {}
    alike = _row(schedule)
    rows = [{**alike, "id": uuid7(), "scheduled_for": moment} for moment in times]
    made = _insert_unique(rows) if "unique_key" in alike else _insert_once(rows)
    return {row["scheduled_for"]: row["id"] for row in rows if row["id"] in made}


def _row(schedule: Schedule) -> Row:
    name, payload, chosen = job_of(vars(schedule))
    job_type, owner = catalogue.job_type(name), owner_of(schedule)
    if owner is not None:
        chosen["user"] = owner
        if not owner.is_active:
            raise InvalidState("run", "disabled", "Cannot run it: its owner is disabled.")
    row = row_of(job_type, payload, chosen)
    language_rights.check(owner, language_rights.language_of(row["queue"]))
    return {**row, "schedule_id": schedule.pk}


def _insert_once(rows: list[Row]) -> set[UUID]:
    using = router.db_for_write(Job)
    with tracing.sending(rows):
        made = {job_id for (job_id,) in insert_alike(rows, using, _ONCE)}
    announce({(row["queue"], row["priority"]) for row in rows}, using)
    return made


def _insert_unique(rows: list[Row]) -> set[UUID]:
    """Leave to the unique key what becomes of each; who fires holds the schedule, so nobody else makes these times."""
    submitted = insert_each(rows)
    return {one.id for one in submitted if isinstance(one, Enqueued) and one.created}


def owner_of(schedule: Schedule) -> Any:
    """Read of its owner what counts here; workers may not see the other columns."""
    if schedule.user_id is None:
        return None
    users = get_user_model()._default_manager.only("email", "is_active", "allowed_languages")
    return users.get(pk=schedule.user_id)
