"""Claiming in batches, from where the last claim ended.

A pending job's index entry stays behind, dead, when it is claimed; while an old snapshot is held open nothing can
remove it. A claim that begins at the head of the index walks all of them, every time. So the claimer remembers for
each lane (queue and priority) the `scheduled_at` and id it last claimed and begins there. What lies behind that point
(late commits, retries with an earlier time, jobs given back) is found by a look at all lanes, at most once per poll
interval.
"""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, IntegerField, TextField, UUIDField

from jobs import tracing
from jobs.announce import Freed, Lane
from jobs.crash_points import commit_points
from jobs.languages import is_foreign
from jobs.models import Job, ProcessingLock
from jobs.models.job import JobQuerySet
from jobs.models.statement import Parameter, Statement
from jobs.outcomes import Attempt
from jobs.worker.database import TRANSIENT, first_line
from jobs.worker.options import WorkerOptions
from jobs.worker.releasing import Releases
from jobs.worker.turns import LOWEST, OPEN, TRACEPARENT, KeyedLane, Row, Turns

_logger = logging.getLogger(__name__)

_WAITING_LANES: Final = (files("jobs") / "sql" / "queries" / "waiting_lanes.sql").read_text()
# One round trip and one commit for a batch: the ORM's SELECT … FOR UPDATE SKIP LOCKED picks, start_jobs takes.
_CLAIM: Final = """
SELECT job_id::text, lock_token, job_type, queue, priority, payload::text, attempt, retry_count, max_retries, timeout,
       %s::float8, user_id::text, request_id, waited, concurrency_key, has_followers, false, {traceparent}, scheduled_at
FROM start_jobs(ARRAY({candidates} LIMIT %s), %s, make_interval(secs => %s)) ORDER BY scheduled_at, job_id
"""

#: An announced job was inserted before it was committed and announced: look so far behind the cursor for it.
REWIND: Final = timedelta(milliseconds=250)

#: Between two looks at all lanes, beside those of the poll: never less, and at most such a share of the time.
LOOK_GAP_SECONDS: Final = 0.02
LOOK_SHARE: Final = 50


MOST_EMPTY_LANES: Final = 500
MOST_EMPTY_TURNS: Final = 50

_LONG_AGO: Final = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(slots=True)
class LaneState:
    """What is known of one lane: where to scan from, and whether there may be work."""

    after: tuple[datetime, UUID] | None = None
    live: bool = True
    #: Announced and not looked into since.
    told: bool = False


class Claimer:
    """Claims for one worker process; used by one thread. Times are monotonic seconds."""

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self.lanes: dict[Lane, LaneState] = {}
        #: Where there are lanes beside the open one, or limits of the queue.
        self.turns: dict[Lane, Turns] = {}
        self._releases = Releases(options.poll_interval)
        self._look_due = 0.0
        self._looked_at = self._look_seconds = 0.0
        self._last_token = 0
        #: Until then a claim whose answer was lost may come to light.
        self._strays_until = 0.0

    def announced(self, lane: Lane, age: float = 0.0) -> None:
        """Take note of new work in a lane, inserted `age` seconds before it was committed."""
        queue, priority = lane
        if not self._listens_to(queue):
            return
        if priority < 0:
            self._look_due = 0.0
            return
        state = self.lanes.setdefault(lane, LaneState())
        state.live = state.told = True
        if lane in self.turns:
            self.turns[lane].told = True
        if state.after is not None:
            state.after = (state.after[0] - REWIND - timedelta(seconds=age), LOWEST)

    def claim(self, limit: int) -> list[Attempt]:
        """Claim up to `limit` due jobs, the most urgent lanes first; commits before it returns."""
        looks = time.monotonic() >= self._look_due
        if looks:
            # Whatever makes a look worth while may have set waiting jobs free.
            self._releases.told()
        if self._releases.is_due():
            self._release()
        if looks:
            self._look()
        claimed: list[Attempt] = []
        lanes = {**self.lanes, **dict.fromkeys(self.turns)} if self.turns else self.lanes
        for lane in sorted(lanes, key=lambda lane: -lane[1]):
            if len(claimed) >= limit:
                break
            state = self.lanes.get(lane)
            if lane in self.turns or (state is not None and state.live):
                try:
                    self._claim_from(lane, state, limit, claimed)
                except TRANSIENT as error:
                    if not claimed:
                        raise
                    # What other lanes gave is committed and has to be run.
                    _logger.warning("claiming from queue %s: %s", lane[0], first_line(error))
                    connection.close()
                    break
        return claimed

    def idle_seconds(self) -> float:
        """How long to wait for an announcement before looking again."""
        now = time.monotonic()
        due = min([self._look_due, *(turns.next_due() for turns in self.turns.values())])
        return min(max(0.0, due - now), self._releases.idle_seconds())

    def look_soon(self) -> None:
        """Look at all lanes at the next claim, whatever the poll interval."""
        self._look_due = 0.0

    def release_soon(self) -> None:
        """Look for jobs that waited for what has just been recorded."""
        self._releases.told()

    def room_made(self, freed: Collection[Freed] | None) -> None:
        """Take note that jobs of these queues and concurrency keys have ended; None is of any."""
        for turns in self.turns.values():
            turns.room_made(freed)

    def expect(self, delay: float) -> None:
        """Look again in `delay` seconds: a job put back by this worker falls due then."""
        self._look_due = min(self._look_due, time.monotonic() + delay)

    def waiting(self) -> bool:
        """Whether any job is due that this worker may claim, or could if another were not claiming it just now."""
        self._release()
        self._look()
        live = [lane for lane, state in self.lanes.items() if state.live and lane not in self.turns]
        due = [Job.objects.ready(*lane) for lane in live] + [Job.objects.due(*lane) for lane in self.turns]
        return any(self._narrowed(jobs).exists() for jobs in due)

    def _release(self) -> None:
        for lane in self._releases.look():
            self.announced(lane)

    def _listens_to(self, queue: str) -> bool:
        queues = self.options.queues
        return not is_foreign(queue) if queues is None else queue in queues

    def _narrowed(self, jobs: JobQuerySet) -> JobQuerySet:
        types = self.options.job_types
        return jobs if types is None else jobs.filter(job_type__in=types)

    def _release_strays(self) -> None:
        """Give back jobs of a claim that was committed while its answer was lost: nobody here runs them.

        Tokens only rise and one thread claims, so whatever this worker holds above the last token it saw is such a job.
        """
        strays = ProcessingLock.objects.held_by(self.options.worker_id).filter(lock_token__gt=self._last_token)
        found = list(strays.values_list("job_id", "lock_token"))
        if found:
            _logger.warning("%s jobs were claimed and the answer was lost: they are given back", len(found))
            with connection.cursor() as cursor:
                ids, tokens = zip(*found, strict=True)
                cursor.execute("SELECT release_jobs(%s::uuid[], %s::bigint[])", [list(ids), list(tokens)])

    def _look_again(self) -> None:
        """Look before the next poll, but where looks are dear (dead index entries pile up) only now and then."""
        self._look_due = min(self._look_due, self._looked_at + max(LOOK_GAP_SECONDS, self._look_seconds * LOOK_SHARE))

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._strays_until:
            self._release_strays()
        queues = None if self.options.queues is None else list(self.options.queues)
        with connection.cursor() as cursor:
            cursor.execute(_WAITING_LANES, {"queues": queues})
            rows = [row for row in cursor.fetchall() if self._listens_to(row[0])]
        self._looked_at, self._look_seconds = now, time.monotonic() - now
        due = [(queue, priority, since) for queue, priority, since, due_in, _ in rows if since and due_in <= 0]
        later = [due_in for *_, due_in, _ in rows if due_in > 0]
        by_turns = {(queue, priority): ruled for queue, priority, since, _, ruled in rows if since is None or ruled}
        self._look_at_turns(by_turns)
        self._look_due = now + min([self.options.poll_interval, *later])
        found = {(queue, priority): LaneState((since, LOWEST)) for queue, priority, since in due}
        # An empty lane keeps its cursor, for the job that will be announced next. Names of queues come from
        # callers and must not pile up: of the empty ones only the latest are remembered.
        empty = [lane for lane in self.lanes if lane not in found][-MOST_EMPTY_LANES:]
        self.lanes = {**{lane: LaneState(self.lanes[lane].after, live=False) for lane in empty}, **found}

    def _look_at_turns(self, found: dict[Lane, bool]) -> None:
        # What was there a moment ago is remembered, so that an announcement finds it without a look.
        kept = [lane for lane in self.turns if lane not in found][-MOST_EMPTY_TURNS:] if self.turns else []
        self.turns = {lane: self.turns.get(lane) or Turns(lane) for lane in [*kept, *found]}
        for lane, turns in self.turns.items():
            turns.looked(found.get(lane, False))

    def _claim_from(self, lane: Lane, state: LaneState | None, limit: int, claimed: list[Attempt]) -> None:
        turns = self.turns.get(lane)
        if turns is not None:
            self._claim_by_turns(turns, state, limit, claimed)
        if state is not None and state.live and not (turns and turns.ruled) and len(claimed) < limit:
            claimed += self._claim_lane(lane, state, limit - len(claimed))

    def _claim_by_turns(self, turns: Turns, state: LaneState | None, limit: int, claimed: list[Attempt]) -> None:
        open_lane = None
        if state is not None:
            open_lane = KeyedLane(OPEN, state.after or (_LONG_AGO, LOWEST), state.live)
        try:
            while len(claimed) < limit:
                rows = turns.claim(limit - len(claimed), self.options, open_lane)
                if rows is None:
                    break
                claimed += self._attempts(rows)
        except TRANSIENT:
            self._lost_an_answer()
            raise
        finally:
            if state is not None and open_lane is not None:
                if state.live and not open_lane.live and state.told:
                    self._look_again()
                state.after, state.live = open_lane.after, open_lane.live
                state.told = state.told and open_lane.live

    def _claim_lane(self, lane: Lane, state: LaneState, limit: int) -> list[Attempt]:
        scheduled_at, job_id = state.after or (_LONG_AGO, LOWEST)
        values = {"queue": lane[0], "priority": lane[1], "scheduled_at": scheduled_at, "id": job_id}
        try:
            rows = self._run(values, limit)
        except TRANSIENT:
            self._lost_an_answer()
            raise
        if len(rows) < limit:
            state.live = False
            if rows or state.told:
                # The lane's next job falls due later, or lies behind the cursor.
                self._look_again()
        state.told = False
        if rows:
            state.after = (rows[-1][-1], UUID(rows[-1][0]))
        return self._attempts([row[:-1] for row in rows])

    def _attempts(self, rows: list[Row]) -> list[Attempt]:
        # Without a token: it has expired, and was cancelled.
        started = [row for row in rows if row[1] is not None]
        if started:
            self._last_token = max(self._last_token, *(row[1] for row in started))
        return [Attempt(*row) for row in started]

    def _lost_an_answer(self) -> None:
        self._strays_until = time.monotonic() + self.options.lock_duration
        self._look_due = 0.0

    def _run(self, values: dict[str, Any], limit: int) -> list[tuple[Any, ...]]:
        worker_id, duration = self.options.worker_id, self.options.lock_duration
        renewed_at = time.monotonic()
        with commit_points("claim"), connection.cursor() as cursor:
            candidates = self._candidates
            cursor.execute(
                _CLAIM.format(candidates=candidates.sql, traceparent=TRACEPARENT if tracing.tracer else "NULL"),
                [renewed_at, *candidates.params(values), limit, worker_id, duration],
            )
            return list(cursor.fetchall())

    @cached_property
    def _candidates(self) -> Statement:
        jobs = Job.objects.ready(
            Parameter("queue", TextField()),
            Parameter("priority", IntegerField()),
            after=(Parameter("scheduled_at", DateTimeField()), Parameter("id", UUIDField())),
        )
        return Statement(self._narrowed(jobs).select_for_update(skip_locked=True).values_list("id"))
