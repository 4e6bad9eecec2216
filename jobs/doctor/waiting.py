"""Jobs that wait for others which have all ended: nobody has let them go."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import one
from jobs.doctor.findings import Finding, graded, lasting, ok, warn

#: So many are looked at, those that are due longest first.
MOST: Final = 1_000
#: Seconds that a time-out of an event may be late.
LIMITS: Final = (300.0, 3600.0)

_FREE: Final = """
SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (
    SELECT FROM job_dependencies d WHERE d.job_id = w.id AND d.status = 'open'))
FROM (SELECT id FROM job_queue WHERE status = 'pending' AND waits_for = 'jobs'
        AND scheduled_at < clock_timestamp() - interval '1 minute'
      ORDER BY scheduled_at, id LIMIT %s) w
"""
_TIMED_OUT: Final = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(scheduled_at))::float8, 0)
FROM (SELECT scheduled_at FROM job_queue WHERE status = 'pending' AND waits_for = 'event'
      ORDER BY scheduled_at, id LIMIT %s) w WHERE scheduled_at < clock_timestamp() - make_interval(secs => %s)
"""


def look() -> Iterator[Finding]:
    waiting, free = one(_FREE, [MOST])
    late, seconds = one(_TIMED_OUT, [MOST, LIMITS[0]])
    found = []
    if free:
        what = f"{free:,} jobs wait for others that have all ended."
        found.append(warn(what, "Start a worker, which lets them go, or SELECT * FROM release_waiting_jobs();"))
    if late:
        what = f"{late:,} jobs wait for an event beyond their time, the longest for {lasting(seconds)}."
        found.append(graded(seconds, LIMITS, what, "Start a worker, which ends their wait: manage.py runworker"))
    yield from found or [ok(f"{waiting:,} jobs wait for others that are not done yet.")]
