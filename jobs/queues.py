"""What people do to queues, and how full they are."""

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.functions import Now

from jobs import options
from jobs.announce import announce
from jobs.models import Queue
from jobs.models.audit import audit

#: Depths are counted up to here; a longer queue is said to be at least so long.
DEPTH_CAP: Final = 100_000

# A loose scan of the claim index for the queues' names, then a bounded count for each: nothing here touches history.
_SNAPSHOT: Final = """
WITH RECURSIVE waiting AS (
    (SELECT queue FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT n.queue FROM waiting w CROSS JOIN LATERAL (
        SELECT queue FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND queue > w.queue ORDER BY queue LIMIT 1) n
), running AS (
    SELECT queue, count(*) AS processing FROM job_queue WHERE status = 'processing' GROUP BY queue
), known AS (
    SELECT queue FROM waiting UNION SELECT queue FROM running UNION SELECT name FROM job_queues
)
SELECT k.queue, depth.jobs, due.oldest, coalesce(r.processing, 0), coalesce(q.paused, false)
FROM known k
CROSS JOIN LATERAL (SELECT count(*) AS jobs FROM (
    SELECT FROM job_queue WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL LIMIT %(cap)s) capped) depth
CROSS JOIN LATERAL (
    WITH RECURSIVE levels AS (
        (SELECT priority, scheduled_at FROM job_queue WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
         ORDER BY priority DESC, scheduled_at LIMIT 1)
        UNION ALL
        SELECT n.priority, n.scheduled_at FROM levels l CROSS JOIN LATERAL (
            SELECT priority, scheduled_at FROM job_queue
            WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND priority < l.priority
            ORDER BY priority DESC, scheduled_at LIMIT 1) n
    ) SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(scheduled_at)))::float8 AS oldest FROM levels) due
LEFT JOIN running r USING (queue)
LEFT JOIN job_queues q ON q.name = k.queue
ORDER BY k.queue
"""


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """One queue now: pending jobs (at most DEPTH_CAP are counted), age of the one due longest, running jobs."""

    name: str
    depth: int
    oldest_age_seconds: float
    processing: int
    paused: bool

    @property
    def depth_capped(self) -> bool:
        return self.depth >= DEPTH_CAP


def snapshot() -> list[QueueSnapshot]:
    """Look at every queue that has waiting or running jobs or a row of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOT, {"cap": DEPTH_CAP})
        return [
            QueueSnapshot(name, depth, oldest or 0.0, processing, paused)
            for name, depth, oldest, processing, paused in cursor.fetchall()
        ]


@transaction.atomic
def pause(name: str, actor: Any, reason: str = "") -> Queue:
    """Stop workers from claiming in this queue; running jobs go on. Pausing twice changes nothing."""
    options.check_queue(name)
    Queue.objects.get_or_create(name=name)
    queue = Queue.objects.select_for_update().get(pk=name)
    if not queue.paused:
        Queue.objects.filter(pk=name).update(paused=True, paused_at=Now(), paused_reason=reason)
        audit(actor, "pause", queue, reason)
        queue.refresh_from_db()
    return queue


@transaction.atomic
def resume(name: str, actor: Any, reason: str = "") -> Queue:
    """Let workers claim in this queue again, at once."""
    options.check_queue(name)
    queue = Queue.objects.select_for_update().filter(pk=name).first() or Queue(name=name)
    if queue.paused:
        Queue.objects.filter(pk=name).update(paused=False, paused_at=None, paused_reason="")
        audit(actor, "resume", queue, reason)
        queue.refresh_from_db()
        announce([(name, -1)])
    return queue
