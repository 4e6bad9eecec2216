"""Jobs and their dependencies into the tables, in one transaction.

No lock is taken on the jobs that are depended on: their workers would wait for the caller's transaction. Those that are
there already are told that they have followers, and looked at once more, by whoever releases waiting jobs: see
release_waiting_jobs in SQL. The word for that is written here.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, Final

from django.db import connections, router, transaction
from django.db.models.functions import Now

from jobs.announce import ANY_PRIORITY, announce
from jobs.drafts import Draft, Edge
from jobs.exceptions import UniqueKeyTaken, UnknownDependency
from jobs.inserting import insert_each
from jobs.models import Job
from jobs.models.dependency import Dependency, ReleaseCheck
from jobs.new_job import Enqueued
from jobs.statuses import Status, WaitsFor
from jobs.unique_keys import Submitted

#: Dependencies in one statement.
EDGES_AT_ONCE: Final = 20_000

# What has ended is settled here and now, by the one rule that there is for that.
_INSERT_EDGES: Final = """
INSERT INTO job_dependencies (job_id, depends_on_id, condition, status)
SELECT e.job_id, e.depends_on_id, e.condition,
       dependency_status(e.condition, (SELECT j.status FROM job_queue j WHERE j.id = e.depends_on_id))
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) WITH ORDINALITY AS e (job_id, depends_on_id, condition, place)
ORDER BY e.place
RETURNING job_id, depends_on_id, status
"""
_INSERT_WORDS: Final = "INSERT INTO job_release_checks (job_id, cause) SELECT unnest(%s::uuid[]), %s"

_ASK_AGAIN: Final = """
UPDATE job_dependencies d SET status = dependency_status(d.condition, j.status)
FROM job_queue j WHERE d.job_id = %s AND d.status = 'unmet' AND j.id = d.depends_on_id
"""

Settled = list[tuple[uuid.UUID, uuid.UUID, str]]


def link(drafts: Sequence[Draft]) -> list[Enqueued]:
    """Add jobs and their dependencies, all or none, as link_each does; raises UniqueKeyTaken."""
    with transaction.atomic(using=router.db_for_write(Job)):
        return [_granted(submitted) for submitted in link_each(drafts)]


def link_each(drafts: Sequence[Draft]) -> list[Submitted]:
    """Add jobs and their dependencies, and give what became of each draft, in their order.

    A job whose dependencies have been met already waits for nothing; one that has a dependency which cannot be met is
    cancelled at once. Where a unique key belongs to another job, that one stays as it is, and what was to follow the
    new one is not added: Enqueued has the id it would have had, and `created` is False.
    """
    if not any(draft.edges for draft in drafts):
        return insert_each([draft.row for draft in drafts])
    using = router.db_for_write(Job)
    with transaction.atomic(using=using):
        submitted = _insert_jobs(drafts)
        written = [draft for draft in drafts if _is_new(submitted[draft.id])]
        if edges := [edge for draft in written for edge in draft.edges]:
            _finish(_insert_edges(edges, using), {draft.id for draft in written}, using)
            announce({(draft.row["queue"], ANY_PRIORITY) for draft in written if draft.edges}, using)
    return [submitted[draft.id] for draft in drafts]


def wait_anew(job: Job) -> dict[str, Any]:
    """Ask again how the dependencies of a job that is put back stand; gives what it waits for, as a column.

    It waits if all of them are met or may be; where one is beyond hope, nothing is waited for any more.
    """
    if job.waits_for != WaitsFor.JOBS:
        return {}
    with connections[router.db_for_write(Job)].cursor() as cursor:
        cursor.execute(_ASK_AGAIN, [job.pk])
        mine = Dependency.objects.filter(job=job)
        if mine.filter(status=Dependency.Status.UNMET).exists() or not mine.filter(status="open").exists():
            return {"waits_for": None}
        cursor.execute(_INSERT_WORDS, [[job.pk], ReleaseCheck.Cause.BEGINS.value])
    announce([(job.queue, ANY_PRIORITY)])
    return {"waits_for": WaitsFor.JOBS.value}


def refuse_unknown(drafts: Sequence[Draft]) -> None:
    """Raise UnknownDependency for the first job that is to be depended on, or to be a parent, and cannot be seen."""
    if error := next(filter(None, unknown(drafts)), None):
        raise error


def unknown(drafts: Sequence[Draft]) -> list[UnknownDependency | None]:
    """Say for each draft what it names that is not there, for whoever submits."""
    own = {draft.id for draft in drafts}
    wanted = {job_id for draft in drafts for job_id in draft.named()} - own
    if not wanted:
        return [None] * len(drafts)
    there = own | set(Job.objects.visible().filter(pk__in=wanted).order_by().values_list("pk", flat=True))
    return [_missing(draft, there) for draft in drafts]


def _missing(draft: Draft, there: Collection[uuid.UUID]) -> UnknownDependency | None:
    if draft.parent and draft.parent not in there:
        return UnknownDependency(draft.parent, "parent")
    return next((UnknownDependency(job_id) for job_id in draft.named() if job_id not in there), None)


def _insert_jobs(drafts: Sequence[Draft]) -> dict[uuid.UUID, Submitted]:
    followed = {edge.depends_on_id for draft in drafts for edge in draft.edges}
    for draft in drafts:
        # In this order for all of them: rows with the same columns are inserted by one statement.
        if draft.edges:
            draft.row["waits_for"] = WaitsFor.JOBS.value
        if draft.id in followed:
            draft.row["has_followers"] = True
    # Those with a unique key first: what belongs to a job that is not added is not added either.
    keyed = [draft for draft in drafts if _keyed(draft)]
    submitted: dict[uuid.UUID, Submitted] = _insert(keyed) if keyed else {}
    free = []
    for draft in drafts:
        if draft.id in submitted:
            continue
        if all(_is_new(submitted.get(edge.depends_on_id)) for edge in draft.edges):
            free.append(draft)
        else:
            submitted[draft.id] = Enqueued(draft.id, created=False)
    return {**submitted, **_insert(free)}


def _insert(drafts: Sequence[Draft]) -> dict[uuid.UUID, Submitted]:
    outcomes = insert_each([draft.row for draft in drafts])
    return {draft.id: outcome for draft, outcome in zip(drafts, outcomes, strict=True)}


def _is_new(submitted: Submitted | None) -> bool:
    return submitted is None or (isinstance(submitted, Enqueued) and submitted.created)


def _granted(submitted: Submitted) -> Enqueued:
    if isinstance(submitted, UniqueKeyTaken):
        raise submitted
    return submitted


def _keyed(draft: Draft) -> bool:
    return "unique_key" in draft.row


def _insert_edges(edges: Sequence[Edge], using: str) -> Settled:
    settled: Settled = []
    with connections[using].cursor() as cursor:
        for start in range(0, len(edges), EDGES_AT_ONCE):
            columns = zip(*edges[start : start + EDGES_AT_ONCE], strict=True)
            cursor.execute(_INSERT_EDGES, [list(column) for column in columns])
            settled += cursor.fetchall()
    return settled


def _finish(settled: Settled, ours: Collection[uuid.UUID], using: str) -> None:
    """Let the jobs begin, end or wait, as their dependencies say by now."""
    unmet = {job_id: other for job_id, other, status in reversed(settled) if status == Dependency.Status.UNMET}
    waiting = {job_id for job_id, _, status in settled if status == Dependency.Status.OPEN} - unmet.keys()
    free = {job_id for job_id, _, _ in settled} - waiting - unmet.keys()
    if free:
        Job.objects.using(using).filter(pk__in=free, status=Status.PENDING).update(waits_for=None)
    for job_id, other in unmet.items():
        _cancel(job_id, other, using)
    # Also for jobs of ours that have ended at once: they ended before anybody could be told.
    asked = {job_id for job_id, other, status in settled if other not in ours or status != Dependency.Status.OPEN}
    if watching := sorted(asked & waiting):
        with connections[using].cursor() as cursor:
            cursor.execute(_INSERT_WORDS, [watching, ReleaseCheck.Cause.BEGINS.value])


def _cancel(job_id: uuid.UUID, other: uuid.UUID, using: str) -> None:
    jobs = Job.objects.using(using)
    status = jobs.filter(pk=other).values_list("status", flat=True).first()
    words = f"It depends on job {other}, which {f'ended as {status}' if status else 'is not there any more'}."
    jobs.filter(pk=job_id, status=Status.PENDING).update(
        status=Status.CANCELLED,
        cancel_requested_at=Now(),
        error_message=words,
        error_details={"error_class": "DependencyUnmet", "kind": "dependency", "message": words},
    )
