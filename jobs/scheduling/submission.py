"""A job of a schedule, into the queue."""

from datetime import datetime
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import router

from jobs import catalogue, language_rights
from jobs.announce import announce
from jobs.exceptions import InvalidState, UniqueKeyTaken
from jobs.insert_statements import insert_one
from jobs.inserting import insert
from jobs.models import Job, Schedule
from jobs.new_job import Enqueued, Row, row_of
from jobs.scheduling.faults import job_of

# The last guard: whoever fires holds the schedule's row, and so nobody else has made it.
_ONCE: Final = " ON CONFLICT (schedule_id, scheduled_for) WHERE schedule_id IS NOT NULL DO NOTHING RETURNING id"


def submit(schedule: Schedule, scheduled_for: datetime | None = None) -> Enqueued | None:
    """Submit the schedule's job for one of its times, or for none.

    None when that time has its job already. The job belongs to the schedule's owner, and what that user may do counts
    now. Raises as enqueue does, LanguageNotAllowed, InvalidState when the owner is disabled, and UniqueKeyTaken when
    another job has the unique key that the job type gives it.
    """
    name, payload, chosen = job_of(vars(schedule))
    job_type, owner = catalogue.job_type(name), owner_of(schedule)
    if owner is not None:
        chosen["user"] = owner
        if not owner.is_active:
            raise InvalidState("run", "disabled", "Cannot run it: its owner is disabled.")
    row = row_of(job_type, payload, chosen)
    language_rights.check(owner, language_rights.language_of(row["queue"]))
    return _insert({**row, "schedule_id": schedule.pk, "scheduled_for": scheduled_for})


def owner_of(schedule: Schedule) -> Any:
    """Read of its owner what counts here; workers may not see the other columns."""
    if schedule.user_id is None:
        return None
    users = get_user_model()._default_manager.only("email", "is_active", "allowed_languages")
    return users.get(pk=schedule.user_id)


def _insert(row: Row) -> Enqueued | None:
    if "unique_key" in row:
        submitted = insert(row)
        if not submitted.created:
            raise UniqueKeyTaken(row["unique_key"], submitted.id)
        return submitted
    using = router.db_for_write(Job)
    if not insert_one(row, using, _ONCE):
        return None
    announce([(row["queue"], row["priority"])], using)
    return Enqueued(row["id"])
