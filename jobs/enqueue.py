"""Submitting jobs: one or many, part of the caller's transaction."""

from collections.abc import Sequence
from typing import Any, Unpack

from jobs import catalogue
from jobs.exceptions import (
    FunctionInactive,
    InvalidOption,
    InvalidPayload,
    JobError,
    NoneSubmitted,
    UnknownJobType,
)
from jobs.inserting import insert, insert_many
from jobs.new_job import Enqueued, NewJob, Row, row_of
from jobs.options import Options

__all__ = ["Enqueued", "NewJob", "enqueue", "enqueue_each", "enqueue_many"]


def enqueue(job_type: str, payload: dict[str, Any], **chosen: Unpack[Options]) -> Enqueued:
    """Submit one job.

    Inside `transaction.atomic()` it commits with the caller's writes, else at once. Raises UnknownJobType,
    InvalidPayload, InvalidOption or (of other languages) FunctionInactive before anything is written.
    """
    return insert(row_of(catalogue.job_type(job_type), payload, chosen))


def enqueue_many(new_jobs: Sequence[NewJob]) -> list[Enqueued]:
    """Submit many jobs, all or none; gives them in the order they came.

    Raises as enqueue does, and then nothing has been written.
    """
    catalogue.prefetch(new.job_type for new in new_jobs)
    return insert_many([row_of(catalogue.job_type(new.job_type), new.payload, new.options) for new in new_jobs])


def enqueue_each(new_jobs: Sequence[NewJob], *, all_or_none: bool = False) -> list[Enqueued | JobError]:
    """Submit those of many jobs that can be submitted; an error stands in the place of each other one.

    With `all_or_none` one error keeps all of them from being written, and NoneSubmitted is raised.
    """
    catalogue.prefetch(new.job_type for new in new_jobs)
    rows = [_row_or_error(new) for new in new_jobs]
    errors = {index: row for index, row in enumerate(rows) if isinstance(row, JobError)}
    if errors and all_or_none:
        raise NoneSubmitted(errors)
    submitted = iter(insert_many([row for row in rows if not isinstance(row, JobError)]))
    return [errors.get(index) or next(submitted) for index in range(len(rows))]


def _row_or_error(new: NewJob) -> Row | JobError:
    try:
        return row_of(catalogue.job_type(new.job_type), new.payload, new.options)
    except (UnknownJobType, FunctionInactive, InvalidPayload, InvalidOption) as error:
        return error
