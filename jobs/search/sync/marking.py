"""Marking jobs as sent, in the version that was sent and never a later one."""

from importlib.resources import files
from typing import Final
from uuid import UUID

from django.db import connection

from jobs.search.sync.sending import Outcomes

_MARK: Final = (files("jobs") / "sql" / "queries" / "mark_sent_jobs.sql").read_text()


def mark(outcomes: Outcomes) -> set[UUID]:
    """Mark what was sent, refused documents among it; gives the jobs that were marked.

    In the caller's transaction, which has made sure that what was sent still counts. It waits for nobody: a job that
    somebody is just changing stays as it is, and goes again in the version that comes of it.
    """
    versions = {**outcomes.sent, **{job: version for job, (version, _) in outcomes.rejected.items()}}
    if not versions:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_MARK, {"ids": list(versions), "versions": list(versions.values())})
        return {job for (job,) in cursor.fetchall()}
