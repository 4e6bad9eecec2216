"""For the tests of applications: see that jobs were submitted, and run them here and now, without a worker.

    def test_signing_up_sends_a_welcome(client):
        client.post("/sign-up", {"email": "ada@example.org"})
        assert_enqueued("send_mail", to="ada@example.org")
        assert [job.status for job in drain()] == ["completed"]

Jobs run in the calling thread, inside the test's transaction if there is one, `isolation="process"` included; timeouts
are not enforced and progress is not written. The rest is as in a worker: payload checks, retries, dead letters.
"""

from contextlib import suppress
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.db import connection, transaction

from jobs import observers
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import Enqueued
from jobs.execution import run, run_coroutine
from jobs.models import Job
from jobs.models.columns import ClockTimestamp
from jobs.outcomes import Attempt, Completed, Outcome
from jobs.recording import record
from jobs.registry import registry
from jobs.releasing import release_waiting
from jobs.statuses import Status, WaitsFor
from jobs.tasks.skipping import NEVER, skip_wait

_START: Final = """
SELECT job_id::text, lock_token, job_type, queue, priority, payload::text, attempt, retry_count, max_retries, timeout,
       0::float8
FROM start_jobs(ARRAY[%s]::uuid[], 'jobs.testing', interval '1 hour')
"""


def assert_enqueued(job_type: str | Handler, **payload: Any) -> Job:
    """Give the newest waiting job of this type whose payload contains at least this; fail if there is none."""
    name = _name(job_type)
    waiting = Job.objects.filter(job_type=name, status=Status.PENDING).order_by("-id")
    found = waiting.filter(payload__contains=payload).first() if payload else waiting.first()
    if found is None:
        others = "\n".join(f"  {job.payload}" for job in waiting[:10]) or "  none at all"
        raise AssertionError(f"No job {name!r} waits with a payload that contains {payload}. Waiting:\n{others}")
    return found


def refute_enqueued(job_type: str | Handler, **payload: Any) -> None:
    """Fail if a job of this type waits whose payload contains this."""
    waiting = Job.objects.filter(job_type=_name(job_type), status=Status.PENDING, payload__contains=payload)
    if found := waiting.first():
        raise AssertionError(f"A job {found.job_type!r} waits with the payload {found.payload}.")


def run_job(what: Handler | Enqueued | Job, **payload: Any) -> Job:
    """Run one attempt of a waiting job, due or not, and give the job as it is afterwards.

    A job that sleeps has slept then, and the event that one waits for is too late if it has not been sent before.
    A handler is given its payload first: `run_job(summarize, url="…")`. Look at the status: what the handler raised
    is in the job's `error_details`, as in production. Raises AssertionError for a job that does not wait.
    """
    if isinstance(what, Handler):
        what = what.using().enqueue(**payload)
    elif payload:
        raise TypeError("A job that was submitted has its payload already.")
    job_id = what.id if isinstance(what, Enqueued) else what.pk
    skip_wait(job_id)
    attempt = _start(job_id)
    if attempt is None:
        raise AssertionError(f"Job {job_id} does not wait: {Job.objects.get(pk=job_id).status}.")
    _run(attempt)
    return Job.objects.get(pk=job_id)


def drain(*queues: str, scheduled: bool = False) -> list[Job]:
    """Run what is due in these queues (all, if none is named), the most urgent first, until nothing is.

    Jobs that handlers submit are run too; retries wait for their time, unless `scheduled` makes everything due.
    Gives the jobs in the order of their last attempt.
    """
    ran: dict[Any, None] = {}
    while job := _next(queues, scheduled):
        ran.pop(job.pk, None)
        ran[run_job(job).pk] = None
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


def _name(job_type: str | Handler) -> str:
    return job_type.job_type.name if isinstance(job_type, Handler) else job_type


def _start(job_id: Any) -> Attempt | None:
    with connection.cursor() as cursor:
        cursor.execute(_START, [job_id])
        row = cursor.fetchone()
    return Attempt(*row) if row else None


def _run(attempt: Attempt) -> None:
    job_type = None
    # What goes wrong here goes wrong again as it runs, and is its outcome.
    with suppress(Exception):
        job_type = registry.find(attempt.job_type)
    # Progress is for those who watch; here nobody can before the job has ended.
    context = Context(attempt, lambda attempt: None)
    if job_type and job_type.is_coroutine:
        _record(attempt, async_to_sync(run_coroutine)(attempt, context))
    elif job_type and job_type.atomic:
        _run_atomic(attempt, context)
    else:
        _record(attempt, run(attempt, context))


def _run_atomic(attempt: Attempt, context: Context) -> None:
    try:
        with transaction.atomic():
            outcome = run(attempt, context)
            if not isinstance(outcome, Completed):
                raise _TakeBack(outcome)
            record([(attempt, outcome)])
        observers.tell([(attempt, outcome)])
    except _TakeBack as taken:
        _record(attempt, taken.outcome)


def _record(attempt: Attempt, outcome: Outcome) -> None:
    record([(attempt, outcome)])
    observers.tell([(attempt, outcome)])


class _TakeBack(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
