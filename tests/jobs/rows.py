"""Jobs in any state, brought there by the database's own functions, so that every row is lawful."""

import json
from typing import Any

from django.db import connection

from jobs.models import DeadLetter, Job, ProcessingLock

TRACEBACK = """Traceback (most recent call last):
  File "/srv/ekiden/jobs/handlers/articles.py", line 57, in summarize
    article, reached = _read(ctx, content=content, html=html, url=url)
ConnectionError: the provider closed the connection
"""


def new_job(job_type: str = "summarize", **fields: Any) -> Job:
    """Put in a pending job."""
    job = Job.objects.create(job_type=job_type, **{"payload": {"content": "text", "article_id": "a-1"}, **fields})
    job.refresh_from_db()
    return job


def start(job: Job, worker: str = "worker-1") -> ProcessingLock:
    """Let a worker claim this job."""
    _call("SELECT FROM start_jobs(ARRAY[%s::uuid], %s, interval '5 minutes')", [job.pk, worker])
    job.refresh_from_db()
    return ProcessingLock.objects.get(job=job)


def finish(job: Job, result: Any = None) -> Job:
    lock = start(job)
    _call("SELECT complete_job(%s, %s, %s::jsonb)", [job.pk, lock.lock_token, json.dumps(result)])
    job.refresh_from_db()
    return job


def fail(
    job: Job,
    error_class: str = "ConnectionError",
    message: str = "the provider closed the connection",
    retryable: bool = True,
    **details: Any,
) -> Job:
    """Let an attempt fail."""
    lock = start(job)
    details = {"kind": "retryable" if retryable else "non_retryable", "traceback": TRACEBACK, **details}
    _call(
        "SELECT fail_job(%s, %s, %s, %s, %s::jsonb, %s)",
        [job.pk, lock.lock_token, error_class, message, json.dumps(details), retryable],
    )
    job.refresh_from_db()
    return job


def dead_letter(job: Job | None = None, **error: Any) -> DeadLetter:
    """Let a job give up, after one earlier failure."""
    job = fail(job or new_job(), **{**error, "retryable": True})
    job = fail(job, **{**error, "retryable": False})
    return DeadLetter.objects.get(original_job=job, resolution_status="open")


def _call(sql: str, arguments: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
