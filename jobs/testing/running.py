"""Running jobs in the calling thread, as a worker does."""

from contextlib import suppress
from typing import Any, Final, ParamSpec, overload

from asgiref.sync import async_to_sync
from django.db import connection, transaction

from jobs import observers
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import Enqueued
from jobs.execution import run, run_coroutine
from jobs.models import Job
from jobs.models.columns import ClockTimestamp
from jobs.outcomes import Attempt, Completed, DeadLettered, Outcome, Retry
from jobs.recording import record
from jobs.registry import registry
from jobs.releasing import release_waiting
from jobs.statuses import Status, WaitsFor
from jobs.tasks.skipping import NEVER, skip_wait

P = ParamSpec("P")

_START: Final = """
SELECT job_id::text, lock_token, job_type, queue, priority, payload::text, attempt, retry_count, max_retries, timeout,
       0::float8, user_id::text, request_id, waited, concurrency_key, has_followers
FROM start_jobs(ARRAY[%s]::uuid[], 'jobs.testing', interval '1 hour')
WHERE lock_token IS NOT NULL
"""


@overload
def run_job(what: Handler[P, Any], *args: P.args, **payload: P.kwargs) -> Job: ...
@overload
def run_job(what: Enqueued | Job) -> Job: ...
def run_job(what: Any, *args: Any, **payload: Any) -> Job:
    """Run one attempt of a waiting job, due or not, and give the job as it is afterwards.

    A job that sleeps has slept then, and the event that one waits for is too late if it has not been sent before.
    A handler is given its payload first: `run_job(summarize, url="…")`. Look at the status: what the handler raised
    is in the job's `error_details`, as in production. Raises AssertionError for a job that does not wait.
    """
    if isinstance(what, Handler):
        what = what.using().enqueue(*args, **payload)
    elif args or payload:
        raise TypeError("A job that was submitted has its payload already.")
    job_id = what.id if isinstance(what, Enqueued) else what.pk
    skip_wait(job_id)
    attempt = _start(job_id)
    if attempt is None:
        raise AssertionError(f"Job {job_id} does not wait: {Job.objects.get(pk=job_id).status}.")
    _run(attempt)
    return Job.objects.get(pk=job_id)


def drain_jobs(*queues: str, scheduled: bool = False, raising: bool = False) -> list[Job]:
    """Run what is due in these queues (all, if none is named), the most urgent first, until nothing is.

    Jobs that handlers submit are run too, and those that waited for others; retries wait for their time, unless
    `scheduled` makes everything due. Gives the jobs in the order of their last attempt. With `raising` the first error
    that costs a job a retry, or ends it, is raised here.
    """
    ran: dict[Any, None] = {}
    while job := _next(queues, scheduled):
        skip_wait(job.pk)
        # One that has expired is cancelled instead of started.
        if attempt := _start(job.pk):
            ran.pop(job.pk, None)
            ran[job.pk] = None
            error = _run(attempt)
            if raising and error:
                raise error
    jobs = Job.objects.in_bulk(ran)
    return [jobs[job_id] for job_id in ran]


def _next(queues: tuple[str, ...], scheduled: bool) -> Job | None:
    release_waiting()
    waiting = Job.objects.filter(status=Status.PENDING).exclude(waits_for=WaitsFor.JOBS)
    waiting = waiting.order_by("-priority", "scheduled_at", "id")
    if queues:
        waiting = waiting.filter(queue__in=queues)
    # For an event without a time-out one waits for ever, whatever is due.
    waiting = waiting.exclude(waits_for=WaitsFor.EVENT, scheduled_at__gte=NEVER)
    return (waiting if scheduled else waiting.filter(scheduled_at__lte=ClockTimestamp())).first()


def _start(job_id: Any) -> Attempt | None:
    with connection.cursor() as cursor:
        cursor.execute(_START, [job_id])
        row = cursor.fetchone()
    return Attempt(*row) if row else None


def _run(attempt: Attempt) -> BaseException | None:
    """Run an attempt and write its outcome; gives the error that cost it a retry or was its end."""
    job_type = None
    # What goes wrong here goes wrong again as it runs, and is its outcome.
    with suppress(Exception):
        job_type = registry.find(attempt.job_type)
    # Progress is for those who watch; here nobody can before the job has ended.
    context, raised = Context(attempt, lambda attempt: None), list[BaseException]()
    if job_type and job_type.atomic:
        outcome = _run_atomic(attempt, context, raised)
    elif job_type and job_type.is_coroutine:
        outcome = _record(attempt, async_to_sync(run_coroutine)(attempt, context, raised))
    else:
        outcome = _record(attempt, run(attempt, context, raised))
    return raised[0] if raised and isinstance(outcome, Retry | DeadLettered) else None


def _run_atomic(attempt: Attempt, context: Context, raised: list[BaseException]) -> Outcome:
    try:
        with transaction.atomic():
            outcome = run(attempt, context, raised)
            if not isinstance(outcome, Completed):
                raise _TakeBack(outcome)
            record([(attempt, outcome)])
        observers.tell([(attempt, outcome)])
        return outcome
    except _TakeBack as taken:
        return _record(attempt, taken.outcome)


def _record(attempt: Attempt, outcome: Outcome) -> Outcome:
    record([(attempt, outcome)])
    observers.tell([(attempt, outcome)])
    return outcome


class _TakeBack(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
