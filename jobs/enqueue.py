"""Submitting jobs: one or many, part of the caller's transaction."""

from collections.abc import Sequence
from typing import Any, Unpack
from uuid import UUID

from django.db import router, transaction

from jobs import catalogue
from jobs.catalogue import Entry
from jobs.drafts import After, Draft, drafts_of, is_composed
from jobs.exceptions import (
    FunctionInactive,
    InvalidOption,
    InvalidPayload,
    JobError,
    NoneSubmitted,
    UniqueKeyTaken,
    UnknownDependency,
    UnknownJobType,
)
from jobs.inserting import insert, insert_and_read, insert_many
from jobs.linking import link, link_each, refuse_unknown, unknown
from jobs.models import Job
from jobs.new_job import Enqueued, NewJob, row_of
from jobs.options import Options
from jobs.registry import JobType

__all__ = ["After", "Enqueued", "NewJob", "enqueue", "enqueue_and_read", "enqueue_each", "enqueue_many", "submit"]


def enqueue(job_type: str, payload: dict[str, Any], **chosen: Unpack[Options]) -> Enqueued:
    """Submit one job.

    Inside `transaction.atomic()` it commits with the caller's writes, else at once. Raises UnknownJobType,
    InvalidPayload, InvalidOption, UnknownDependency or (of other languages) FunctionInactive before anything is
    written, and UniqueKeyTaken where the job's `unique` says so: the transaction goes on as if nothing had been tried.
    """
    return submit(catalogue.job_type(job_type), payload, chosen)


def submit(job_type: JobType | Entry, payload: dict[str, Any], chosen: Options) -> Enqueued:
    """Submit one job of a type that need not be registered; raises as enqueue does."""
    if is_composed(chosen):
        drafts = drafts_of(job_type, payload, chosen)
        refuse_unknown(drafts)
        return link(drafts)[0]
    return insert(row_of(job_type, payload, chosen))


def enqueue_and_read(new: NewJob) -> tuple[Enqueued, Job]:
    """Submit one job as enqueue does, and give it as it is in the table; of a unique key, the job that has it."""
    job_type = catalogue.job_type(new.job_type)
    if is_composed(new.options):
        submitted = submit(job_type, new.payload, new.options)
        return submitted, submitted.fetch()
    return insert_and_read(row_of(job_type, new.payload, new.options))


def enqueue_many(new_jobs: Sequence[NewJob]) -> list[Enqueued]:
    """Submit many jobs, all or none; gives them in the order they came.

    Raises as enqueue does, and then nothing has been written.
    """
    catalogue.prefetch(new.job_type for new in new_jobs)
    if any(is_composed(new.options) for new in new_jobs):
        groups = [drafts_of(catalogue.job_type(new.job_type), new.payload, new.options) for new in new_jobs]
        drafts = [draft for group in groups for draft in group]
        refuse_unknown(drafts)
        submitted = dict(zip((draft.id for draft in drafts), link(drafts), strict=True))
        return [submitted[group[0].id] for group in groups]
    return insert_many([row_of(catalogue.job_type(new.job_type), new.payload, new.options) for new in new_jobs])


def enqueue_each(new_jobs: Sequence[NewJob], *, all_or_none: bool = False) -> list[Enqueued | JobError]:
    """Submit those of many jobs that can be submitted; an error stands in the place of each other one.

    With `all_or_none` one error keeps all of them from being written, and NoneSubmitted is raised.
    """
    catalogue.prefetch(new.job_type for new in new_jobs)
    found = _known([_drafts_or_error(new) for new in new_jobs])
    errors = {index: each for index, each in enumerate(found) if isinstance(each, JobError)}
    if errors and all_or_none:
        raise NoneSubmitted(errors)
    drafts = [draft for each in found if not isinstance(each, JobError) for draft in each]
    with transaction.atomic(using=router.db_for_write(Job)):
        submitted = dict(zip((draft.id for draft in drafts), link_each(drafts), strict=True))
        outcomes = [each if isinstance(each, JobError) else submitted[each[0].id] for each in found]
        taken = {index: outcome for index, outcome in enumerate(outcomes) if isinstance(outcome, UniqueKeyTaken)}
        if taken and all_or_none:
            raise NoneSubmitted({**taken})
    return outcomes


def _drafts_or_error(new: NewJob) -> list[Draft] | JobError:
    try:
        return drafts_of(catalogue.job_type(new.job_type), new.payload, new.options)
    except (UnknownJobType, FunctionInactive, InvalidPayload, InvalidOption) as error:
        return error


def _known(found: list[list[Draft] | JobError]) -> list[list[Draft] | JobError]:
    """Put an error in the place of each job that names another one which is not there."""
    drafts = [draft for each in found if not isinstance(each, JobError) for draft in each]
    missing = {draft.id: error for draft, error in zip(drafts, unknown(drafts), strict=True) if error}
    if not missing:
        return found
    errors = [each if isinstance(each, JobError) else _first(each, missing) for each in found]
    return [error or each for error, each in zip(errors, found, strict=True)]


def _first(drafts: list[Draft], missing: dict[UUID, UnknownDependency]) -> UnknownDependency | None:
    return next((missing[draft.id] for draft in drafts if draft.id in missing), None)
