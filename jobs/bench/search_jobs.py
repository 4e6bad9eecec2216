"""Jobs of the bench's own to search: many, of all sorts, the same every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connection

from accounts.models import User
from accounts.uuid7 import first_uuid7
from jobs.bench.lane import BenchLane
from jobs.bench.measures import Tick

ROWS_AT_ONCE: Final = 50_000
#: So many own all of them, in equal parts.
OWNERS: Final = 100
#: They seem to have come evenly in so many days: no more than workers keep jobs for.
DAYS: Final = 25

# Chance is the digest of the row's number. None is processing, nor a dead letter: the first would be rescued by any
# worker, the second needs its letter. Those that are pending are in a queue that is paused.
_WRITE: Final = """
INSERT INTO job_queue (
    id, job_type, queue, priority, status, attempt, retry_count, progress, created_at, updated_at, scheduled_at,
    started_at, completed_at, failed_at, error_message, error_details, user_id, user_email, project_name, hostname,
    arch, tags, metadata)
SELECT (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7' || substr(digits, 1, 3) || '8'
            || substr(digits, 4, 15))::uuid,
       'bench_' || (ARRAY['compile', 'test', 'package', 'sign', 'deploy', 'render', 'import', 'export', 'mail',
                          'backup', 'scan', 'index'])[1 + get_byte(d, 1) %% 12],
       %(queue)s, 1 + get_byte(d, 2) %% 10, status, (status <> 'pending')::int, get_byte(d, 3) %% 4,
       CASE status WHEN 'completed' THEN 100 WHEN 'pending' THEN 0 ELSE get_byte(d, 3) %% 100 END, made,
       CASE status WHEN 'pending' THEN made ELSE ended END, made,
       CASE WHEN status <> 'pending' THEN made + interval '1 second' END,
       CASE status WHEN 'completed' THEN ended END, CASE status WHEN 'failed' THEN ended END,
       CASE status WHEN 'failed' THEN (ARRAY[
           'Connection to ' || host || ':22 timed out after ' || get_byte(d, 4) || ' s',
           'Out of memory: killed process ' || n || ' (cc1plus)',
           'Segmentation fault at 0x' || substr(digits, 7, 8) || ' while linking',
           'HTTP 503 from registry.example.org: try again later',
           'No space left on device: /var/build/' || n])[1 + get_byte(d, 4) %% 5] END,
       CASE status WHEN 'failed' THEN jsonb_build_object('error_class', (ARRAY[
           'TimeoutError', 'MemoryError', 'ChildProcessError', 'ConnectionError', 'OSError'
       ])[1 + get_byte(d, 4) %% 5]) END,
       (%(owners)s::uuid[])[owner], 'owner-' || owner || '@' || (ARRAY['example.org', 'example.com'])[1 + owner %% 2],
       (ARRAY['compiler', 'website', 'game', 'kernel'])[1 + get_byte(d, 5) %% 4] || '-' || get_byte(d, 6) %% 50, host,
       CASE WHEN get_byte(d, 7) < 150 THEN 'amd64' WHEN get_byte(d, 7) < 245 THEN 'arm64' ELSE 'riscv64' END,
       CASE WHEN get_byte(d, 8) < 3 THEN ARRAY['release', 'nightly'] WHEN get_byte(d, 8) < 26 THEN ARRAY['nightly']
            ELSE '{}' END,
       jsonb_build_object(
           'cpuCores', 1 << (get_byte(d, 9) %% 7), 'memoryGb', 2 << (get_byte(d, 10) %% 7),
           'buildDurationMs', 256 * get_byte(d, 11) + get_byte(d, 12), 'nightly', get_byte(d, 8) < 26,
           'dockerImageId', 'sha256:' || digits, 'branch', (ARRAY['main', 'develop', 'feature/' || n])[
               1 + get_byte(d, 13) %% 3],
           'steps', jsonb_build_array('checkout', 'build', 'report ' || get_byte(d, 14)))
FROM (
    SELECT *, 1 + (256 * get_byte(d, 14) + get_byte(d, 15)) %% %(count)s AS owner,
           'build-' || (256 * get_byte(d, 3) + get_byte(d, 4)) %% 500 || '.example.org' AS host,
           made + make_interval(secs => 2 + get_byte(d, 11)) AS ended,
           CASE WHEN get_byte(d, 0) < 13 THEN 'failed' WHEN get_byte(d, 0) < 23 THEN 'cancelled'
                WHEN get_byte(d, 0) < 43 THEN 'pending' ELSE 'completed' END AS status
    FROM (SELECT n, md5(n::text) AS digits, decode(md5(n::text), 'hex') AS d,
                 %(since)s + n * %(step)s::interval AS made
          FROM generate_series(%(first)s, %(last)s) n) numbers
) chosen
"""


@dataclass(frozen=True)
class BenchJobs:
    """So many jobs in one lane, and a user who owns a hundredth of them."""

    lane: BenchLane
    count: int
    owner: User

    def some(self, count: int, behind: int = 0) -> list[UUID]:
        """Give the ids of so many, the newest first, behind so many others."""
        sql = "SELECT id FROM job_queue WHERE queue = %s AND id >= %s ORDER BY id DESC LIMIT %s OFFSET %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [self.lane.name, self.lane.first_id, count, behind])
            return [row[0] for row in cursor.fetchall()]


@contextmanager
def bench_jobs(count: int, tick: Tick) -> Iterator[BenchJobs]:
    """Have them inside the block; nothing of them is left behind, also after Ctrl-C."""
    since = datetime.now(UTC) - timedelta(days=DAYS)
    lane = BenchLane(f"bench-search-{uuid4().hex[:12]}", first_uuid7(since))
    owners = [User(user_id=f"{lane.name}-{n}") for n in range(OWNERS)]
    try:
        User.objects.bulk_create(owners)
        lane.hold()
        _write(lane, since, owners, count, tick)
        yield BenchJobs(lane, count, owners[0])
    finally:
        tick("clear up")
        lane.clear()
        User.objects.filter(user_id__startswith=f"{lane.name}-").delete()
        lane.vacuum()


def _write(lane: BenchLane, since: datetime, owners: list[User], count: int, tick: Tick) -> None:
    known: dict[str, Any] = {
        "queue": lane.name,
        "owners": [owner.pk for owner in owners],
        "count": OWNERS,
        "since": since,
        "step": timedelta(days=DAYS) / (count + 1),
    }
    for first in range(1, count + 1, ROWS_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, {**known, "first": first, "last": min(count, first + ROWS_AT_ONCE - 1)})
        tick("write jobs")
    lane.vacuum()
