"""A queue of the bench's own, filled, looked at and cleared away."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Unpack

from django.db import connection

from accounts.uuid7 import uuid7
from jobs.announce import announce
from jobs.enqueue import NewJob, enqueue_many
from jobs.models import Job, OutcomeCounter, Queue, Worker
from jobs.options import Options
from jobs.statuses import Status

COROUTINE: Final = "bench_coroutine"
THREAD: Final = "bench_thread"

#: Jobs submitted at once, and rows in one DELETE.
CHUNK: Final = 5_000


@dataclass(frozen=True)
class BenchLane:
    """A queue name that nobody else uses, and an id that sorts before all of its jobs."""

    name: str
    first_id: uuid.UUID

    def fill(self, count: int, job_type: str, **options: Unpack[Options]) -> None:
        """Enqueue no-op jobs in bulk."""
        chosen: Options = {**options, "queue": self.name}
        for start in range(0, count, CHUNK):
            numbers = range(start, min(count, start + CHUNK))
            enqueue_many([NewJob(job_type, {"n": n}, chosen) for n in numbers])

    def hold(self) -> None:
        """Keep workers from claiming what is filled in, until release()."""
        Queue.objects.create(name=self.name, paused=True)

    def release(self) -> None:
        Queue.objects.filter(name=self.name).delete()
        announce([(self.name, -1)])

    def drain_rate(self) -> float:
        """Jobs per second from the first start to the last completion of what is in the lane."""
        sql = """
            SELECT count(*) / extract(epoch FROM max(completed_at) - min(started_at))
            FROM job_queue WHERE queue = %s AND id >= %s AND status = 'completed'
        """
        return float(str(self._one(sql) or 0.0))

    def fifths(self) -> tuple[float, float]:
        """Jobs per second in the first and in the last fifth of the completions."""
        sql = """
            SELECT array_agg(rate::float8 ORDER BY fifth) FROM (
                SELECT fifth, count(*) / extract(epoch FROM max(completed_at) - min(completed_at)) AS rate
                FROM (SELECT completed_at, ntile(5) OVER (ORDER BY completed_at) AS fifth FROM job_queue
                      WHERE queue = %s AND id >= %s AND status = 'completed') ended
                GROUP BY fifth) rates
        """
        rates = self._one(sql)
        if not isinstance(rates, list):
            raise RuntimeError("The lane has no completed jobs.")
        return rates[0], rates[-1]

    def unfinished(self) -> bool:
        """Tell whether jobs wait or run, by the indexes of what waits and what runs: history must not be read."""
        mine = Job.objects.filter(queue=self.name)
        waiting = mine.startable()
        lanes = waiting.filter(lane_key=None), waiting.exclude(lane_key=None), mine.filter(status=Status.PROCESSING)
        return any(jobs.exists() for jobs in lanes)

    def clear(self) -> None:
        """Delete the lane's jobs and what workers noted of them, a chunk at a time."""
        sql = """
            DELETE FROM job_queue WHERE id IN (
                SELECT id FROM job_queue WHERE queue = %s AND id >= %s ORDER BY id LIMIT %s)
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM job_processing_locks l USING job_queue j WHERE j.id = l.job_id AND j.queue = %s",
                [self.name],
            )
            while True:
                cursor.execute(sql, [self.name, self.first_id, CHUNK])
                if not cursor.rowcount:
                    break
        Worker.objects.filter(queues=[self.name]).delete()
        OutcomeCounter.objects.filter(queue=self.name).delete()
        Queue.objects.filter(name=self.name).delete()

    def vacuum(self) -> None:
        """Take the dead rows away, so that one measurement does not slow the next."""
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) job_queue, job_processing_locks")

    def _one(self, sql: str) -> object:
        with connection.cursor() as cursor:
            cursor.execute(sql, [self.name, self.first_id])
            return cursor.fetchone()[0]


@contextmanager
def bench_lane() -> Iterator[BenchLane]:
    """Have a lane inside the block; nothing of it is left behind, also after Ctrl-C."""
    lane = BenchLane(f"bench-{uuid.uuid4().hex[:12]}", uuid7())
    try:
        yield lane
    finally:
        lane.clear()
        lane.vacuum()
