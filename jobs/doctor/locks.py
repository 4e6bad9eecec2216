"""Jobs stuck in processing: locks that ran out and were not taken away, jobs that lost theirs, locks without a job."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import one
from jobs.doctor.findings import Finding, graded, lasting, ok, warn

#: Seconds since a lock ran out; rescues come every few seconds.
LIMITS: Final = (60.0, 600.0)
RESCUE: Final = "Start a worker, which rescues them, or SELECT cleanup_expired_locks();"

# A row for each running job: small, whatever history there is.
_EXPIRED: Final = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(expires_at))::float8, 0)
FROM job_processing_locks WHERE expires_at < clock_timestamp() - make_interval(secs => %s) AND expires_at > 'epoch'
"""
_LOCKLESS: Final = """
SELECT count(*) FROM job_queue j
WHERE j.status = 'processing' AND j.started_at < clock_timestamp() - make_interval(secs => %s)
  AND NOT EXISTS (SELECT FROM job_processing_locks l WHERE l.job_id = j.id)
"""
_JOBLESS: Final = """
SELECT count(*) FROM job_processing_locks l
WHERE l.locked_at < clock_timestamp() - make_interval(secs => %s)
  AND NOT EXISTS (SELECT FROM job_queue j WHERE j.id = l.job_id AND j.status = 'processing')
"""
_HELD: Final = "SELECT count(*) FROM job_processing_locks"


def look() -> Iterator[Finding]:
    found = []
    expired, seconds = one(_EXPIRED, [LIMITS[0]])
    if expired:
        what = f"{expired:,} locks ran out up to {lasting(seconds)} ago, and nobody has rescued their jobs."
        found.append(graded(seconds, LIMITS, what, RESCUE))
    if lockless := one(_LOCKLESS, [LIMITS[0]])[0]:
        found.append(warn(f"{lockless:,} jobs are in processing without a lock: nobody works on them.", RESCUE))
    if jobless := one(_JOBLESS, [LIMITS[0]])[0]:
        what = f"{jobless:,} locks are of jobs that do not run: they count against limits and free nothing."
        found.append(warn(what, RESCUE))
    yield from found or [ok(f"{one(_HELD)[0]:,} jobs are held by locks, none of them overdue.")]
