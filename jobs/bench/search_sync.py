"""How long the engine takes to be loaded, and how soon it knows of changes."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from jobs import conf
from jobs.bench.lane import THREAD
from jobs.bench.measures import Tick
from jobs.bench.search_jobs import BenchJobs
from jobs.bench.search_queries import spread
from jobs.bench.workers import BenchWorker
from jobs.models import Job, SearchIndex, Worker
from jobs.search.asking import Asked, Source
from jobs.search.engine import link
from jobs.search.finding import find
from jobs.search.language.parsing import parse
from jobs.search.sync import enabling
from jobs.search.sync.reconciling import reconcile
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.state import figures

#: Changes are made in so many transactions a second.
TRANSACTIONS: Final = 20
#: So many are made at once, to see how fast a backlog goes.
BACKLOG: Final = 10_000
PATIENCE: Final = 300.0

_CHANGE: Final = """
UPDATE job_queue SET progress_message = %s, metadata = metadata || jsonb_build_object('round', %s::text)
WHERE id = ANY(%s)
"""
_MARKED: Final = "SELECT id, es_synced_at FROM job_queue WHERE id = ANY(%s)"


@contextmanager
def loaded(jobs: BenchJobs, tick: Tick) -> Iterator[dict[str, float]]:
    """Have search enabled inside the block, with an index of the bench's own; gives how fast it was loaded."""
    alias, settings.ELASTICSEARCH_INDEX = conf.search_alias(), f"bench-{uuid4().hex[:12]}"
    try:
        enabling.prepare()
        tick("make the database index")
        began = time.monotonic()
        reindex()
        seconds = time.monotonic() - began
        tick("load the engine")
        serving = SearchIndex.objects.get(state=SearchIndex.State.SERVING)
        yield {"loaded": serving.loaded, "load_seconds": seconds, "loaded_per_s": serving.loaded / seconds}
    finally:
        enabling.disable()
        settings.ELASTICSEARCH_INDEX = alias
        link.forget()


def syncing(jobs: BenchJobs, rate: int, seconds: float, tick: Tick) -> dict[str, Any]:
    """Change so many jobs a second beside one worker; give how long each change took to be known, and to be found."""
    with _worker(jobs) as worker:
        ids = jobs.some(int(rate * seconds))
        random.Random(7).shuffle(ids)  # noqa: S311 - the same order every time
        changes = _Changes(ids, rate)
        changes.start()
        seen = [_seconds_until_found(jobs) for _ in _while(changes)]
        lags = changes.lags()
        tick("changes at the rate")
        per_s = _backlog(jobs)
        tick("a backlog")
        memory = worker.peak_rss_mb
    drift = reconcile()
    return {
        "changes": len(ids),
        "changes_per_s": changes.per_s,
        **{f"lag_{name}": value for name, value in spread(lags, "s").items()},
        "lag_max_s": max(lags),
        **({f"found_{name}": value for name, value in spread(seen, "s").items()} if len(seen) > 1 else {}),
        "backlog_per_s": per_s,
        "worker_peak_mb": memory,
        "drift": drift.total,
    }


@contextmanager
def _worker(jobs: BenchJobs) -> Iterator[BenchWorker]:
    own = {"ELASTICSEARCH_INDEX": conf.search_alias()}
    # Wherever jobs are kept for less: none is to be deleted while it is measured.
    own |= {f"JOB_QUEUE_RETENTION_{kind}DAYS": "0" for kind in ("", "COMPLETED_", "FAILED_", "CANCELLED_", "DELETED_")}
    worker = BenchWorker(jobs.lane, THREAD, maintenance=True, **own)
    mine = Worker.objects.filter(queues=[jobs.lane.name])
    try:
        _await(lambda: mine.running().exists(), "A worker did not start.")
        yield worker
    finally:
        worker.stop()
        mine.delete()


class _Changes(threading.Thread):
    """Changes each job once, at an even rate."""

    def __init__(self, ids: list[UUID], rate: int) -> None:
        super().__init__(daemon=True)
        self._ids = ids
        self._at_once = max(1, rate // TRANSACTIONS)
        self._pause = self._at_once / rate
        #: When the change of each was committed, by the database's clock.
        self._committed: dict[UUID, datetime] = {}
        self.per_s = 0.0

    def run(self) -> None:
        began = time.monotonic()
        for turn, start in enumerate(range(0, len(self._ids), self._at_once)):
            time.sleep(max(0.0, began + turn * self._pause - time.monotonic()))
            some = self._ids[start : start + self._at_once]
            with connection.cursor() as cursor:
                cursor.execute(_CHANGE, [f"step {turn}", turn, some])
                cursor.execute("SELECT clock_timestamp()")
                self._committed.update(dict.fromkeys(some, cursor.fetchone()[0]))
        self.per_s = len(self._ids) / (time.monotonic() - began)
        connection.close()

    def lags(self) -> list[float]:
        """Wait until the last of them is sent; give the seconds from the commit to the mark of each."""
        self.join()
        if len(self._committed) < len(self._ids):
            raise RuntimeError("The changes could not all be made.")
        _await(lambda: not figures().dirty, "The engine does not catch up.")
        with connection.cursor() as cursor:
            cursor.execute(_MARKED, [list(self._committed)])
            # The worker may send what is committed before this process has asked for the time.
            return [max(0.0, (marked - self._committed[job]).total_seconds()) for job, marked in cursor.fetchall()]


def _while(changes: threading.Thread) -> Iterator[None]:
    while changes.is_alive():
        yield
        changes.join(1.0)


def _seconds_until_found(jobs: BenchJobs) -> float:
    """Give one job a project of its own, and search for that until the engine names it."""
    name = f"probe-{uuid4().hex}"
    (oldest,) = jobs.some(1, random.randrange(jobs.count // 2, jobs.count))  # noqa: S311 - any will do
    asked = Asked(parse(f"project_name:{name}"), see_all=True, columns=("id",))
    Job.objects.filter(pk=oldest).update(project_name=name)
    began = time.monotonic()

    def is_found() -> bool:
        found = find(asked, jobs.owner)
        return found.source == Source.ENGINE and bool(found.jobs)

    # Seldom enough that the engine has something else to do.
    _await(is_found, "A change is not found.", 0.1)
    return time.monotonic() - began


def _backlog(jobs: BenchJobs) -> float:
    """Give the jobs per second that are sent when many have changed at once."""
    ids = jobs.some(min(BACKLOG, jobs.count))
    with connection.cursor() as cursor:
        cursor.execute(_CHANGE, ["all at once", "last", ids])
    began = time.monotonic()
    _await(lambda: not figures().dirty, "The engine does not catch up.")
    return len(ids) / (time.monotonic() - began)


def _await(what: Callable[[], bool], otherwise: str, pause: float = 0.02) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(pause)
