"""Jobs that are submitted together, counted together, and followed by one that runs when all have ended."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, router, transaction
from django.db.models.functions import Now

from jobs import catalogue, options, status_cache
from jobs.announce import announce_cancel
from jobs.drafts import Condition, Draft, Edge, member
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.linking import link, refuse_unknown
from jobs.models import Batch, Job
from jobs.models.audit import audit
from jobs.models.columns import uuid7
from jobs.new_job import Enqueued, NewJob
from jobs.options import Options
from jobs.statuses import FINAL, Status

MOST_IN_BATCH: Final = 100_000

#: Jobs that one transaction of a cancelling takes, so that workers never wait long for it.
CHUNK: Final = 500

# An index-only scan where the table has been vacuumed: 3 ms for 10,000 jobs, 30 ms for the most there may be.
_COUNT: Final = """
SELECT status, count(*) FROM (SELECT status FROM job_queue WHERE batch_id = %s LIMIT %s) members GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class EnqueuedBatch:
    """A submitted batch: its id, its jobs in the order they came, and the one that runs afterwards."""

    id: uuid.UUID
    jobs: list[Enqueued]
    callback: Enqueued | None = None

    def fetch(self) -> Batch:
        """Read the batch as it is now."""
        return Batch.objects.get(pk=self.id)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs of a batch are in which status; its callback is not among them."""

    by_status: Mapping[str, int]
    total: int

    @property
    def ended(self) -> int:
        """How many have ended for good, those included that were deleted since."""
        return max(0, self.total - sum(count for status, count in self.by_status.items() if status not in FINAL))

    @property
    def progress(self) -> int:
        """How many of a hundred have ended."""
        return 100 * self.ended // self.total if self.total else 100


def enqueue_batch(
    new_jobs: Iterable[NewJob],
    *,
    name: str = "",
    on_completed: NewJob | None = None,
    on_ended: NewJob | None = None,
    metadata: Mapping[str, Any] | None = None,
    user: Any = None,
    workspace: Any = None,
    parent: Any = None,
) -> EnqueuedBatch:
    """Submit jobs that belong together, all or none, in the caller's transaction if there is one.

    `on_completed` runs when all of them have completed, and is cancelled when one can no more; a dead letter keeps it
    waiting, because it may be redriven. `on_ended` runs when all have ended, well or not; a dead letter is an end to
    it. Without jobs either runs at once. `user`, `workspace` and `parent` are those of all jobs that do not choose
    their own. Raises as enqueue does; the fields that errors name begin with the job's place in the list.
    """
    if on_completed and on_ended:
        raise InvalidOption("on_ended", "cannot be given together with on_completed.")
    batch = new_batch(name, metadata, user)
    shared: Options = {"user": user, "workspace": workspace, "parent": parent, "batch": batch}
    news = list(new_jobs)
    if len(news) > MOST_IN_BATCH:
        raise InvalidOption("jobs", f"must be at most {MOST_IN_BATCH:,}.")
    catalogue.prefetch(new.job_type for new in news)
    groups = [named(f"jobs/{place}", new, shared) for place, new in enumerate(news)]
    callback = _callback(groups, on_completed, on_ended, shared)
    submitted = insert_batch(batch, [*groups, callback] if callback else groups, callback[0] if callback else None)
    jobs = [submitted[group[0].id] for group in groups]
    return EnqueuedBatch(batch.pk, jobs, submitted[callback[0].id] if callback else None)


def new_batch(name: str, metadata: Mapping[str, Any] | None, user: Any) -> Batch:
    """Make the row of a batch, not yet written; raises InvalidOption."""
    options.check_name(name)
    if metadata is not None:
        options.check_metadata(metadata)
    return Batch(pk=uuid7(), name=name, metadata=dict(metadata or {}), user=user)


def named(place: str, new: NewJob, shared: Options) -> list[Draft]:
    """Give the drafts of one member; what is wrong with it is told by its place."""
    try:
        return member(new, shared)
    except InvalidPayload as error:
        raise InvalidPayload(error.violations, f"{place}/{error.field}") from error
    except InvalidOption as error:
        raise InvalidOption(f"{place}/{error.option}", error.detail) from error


def insert_batch(
    batch: Batch, groups: Sequence[Sequence[Draft]], callback: Draft | None = None
) -> dict[uuid.UUID, Enqueued]:
    """Write a batch and its jobs in one transaction; gives what became of each draft by its id."""
    drafts = [draft for group in groups for draft in group]
    refuse_unknown(drafts)
    batch.total = len(drafts) - (callback is not None)
    batch.callback = callback.id if callback else None
    using = router.db_for_write(Job)
    with transaction.atomic(using=using):
        # Without reading back the time that the database gives it.
        Batch.objects.using(using).bulk_create([batch])
        return dict(zip((draft.id for draft in drafts), link(drafts), strict=True))


def _callback(
    groups: Sequence[Sequence[Draft]], on_completed: NewJob | None, on_ended: NewJob | None, shared: Options
) -> list[Draft]:
    new = on_completed or on_ended
    if new is None:
        return []
    first, *others = named("on_completed" if on_completed else "on_ended", new, shared)
    if on_completed:
        # Jobs for the case of failure are not needed when all goes well.
        awaited, condition = [group[0] for group in groups], Condition.COMPLETED
    else:
        awaited, condition = [draft for group in groups for draft in group], Condition.ENDED
    return [first.after(*(Edge(first.id, each.id, condition.value) for each in awaited)), *others]


def count(batch: Batch) -> Counts:
    """Count a batch's jobs by status."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [batch.pk, MOST_IN_BATCH + 1])
        found: dict[str, int] = dict(cursor.fetchall())
    if batch.callback:
        status = Job.objects.filter(pk=batch.callback).values_list("status", flat=True).first()
        if status in found:
            found[status] -= 1
    return Counts({status.value: found.get(status.value, 0) for status in Status}, batch.total)


@dataclass(frozen=True, slots=True)
class CancelledBatch:
    cancelled: int
    #: Running jobs that were asked to stop.
    asked: int


def cancel(batch_id: uuid.UUID, actor: Any, reason: str = "") -> CancelledBatch:
    """Cancel what has not started of a batch, and ask what runs to stop; commits every CHUNK jobs.

    The callback is left alone: an on_completed is cancelled because the jobs are, an on_ended runs.
    """
    batch = Batch.objects.get(pk=batch_id)
    members = Job.objects.filter(batch=batch)
    members = members.exclude(pk=batch.callback) if batch.callback else members
    asked = cancelled = 0
    # Those that run first: what they have submitted meanwhile is found among those that have not started.
    while chunk := _ask_to_stop(members.filter(status=Status.PROCESSING, cancel_requested_at=None)):
        asked += chunk
    while chunk := _cancel(members.filter(status=Status.PENDING), f"Its batch {batch_id} was cancelled."):
        cancelled += chunk
    audit(actor, "cancel", batch, reason, cancelled=cancelled, asked=asked)
    return CancelledBatch(cancelled, asked)


@transaction.atomic
def _ask_to_stop(running: Any) -> int:
    ids = list(running.order_by("id").select_for_update(no_key=True).values_list("pk", flat=True)[:CHUNK])
    Job.objects.filter(pk__in=ids).update(cancel_requested_at=Now())
    for job_id in ids:
        announce_cancel(job_id)
    return len(ids)


@transaction.atomic
def _cancel(pending: Any, words: str) -> int:
    ids = list(pending.order_by("id").select_for_update(no_key=True).values_list("pk", flat=True)[:CHUNK])
    status_cache.block(ids)
    details = {"error_class": "BatchCancelled", "kind": "batch", "message": words}
    # Some may have been cancelled with their parents by this very statement's triggers: not twice.
    Job.objects.filter(pk__in=ids, status=Status.PENDING).update(
        status=Status.CANCELLED, cancel_requested_at=Now(), error_message=words, error_details=details
    )
    return len(ids)
