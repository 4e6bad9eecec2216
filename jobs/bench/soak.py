"""Articles through the whole pipeline for minutes on end: what came out, how long it took, and what grew."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.db import connection

from accounts.models import User
from jobs.bench.api import Bench, Tick
from jobs.bench.articles import TEXTS, varied
from jobs.bench.load import paced
from jobs.bench.server import Server
from jobs.bench.workers import BenchWorker
from jobs.models import Article, Batch, DeadLetter, Dependency, Job, Summary, Task
from jobs.statuses import SETTLED, Status

#: How long the last articles may take after the last was handed over.
LONGEST_WAIT_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.5
#: Of the time: memory is read when everything is warm, in the middle, and at the end.
READINGS: Final = (0.1, 0.5, 1.0)

# Of the stages, by job type: how long they waited for a worker, and how long they ran.
_STAGES: Final = """
SELECT job_type, count(*), count(*) FILTER (WHERE status = 'completed'),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at)),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - scheduled_at))
FROM job_queue WHERE batch_id = ANY(%s) GROUP BY job_type ORDER BY min(created_at)
"""
# From an article's arrival to the end of the last job that worked on it.
_WHOLE: Final = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds), max(seconds) FROM (
    SELECT extract(epoch FROM max(completed_at) - min(created_at)) AS seconds
    FROM job_queue WHERE batch_id = ANY(%s) GROUP BY batch_id) articles
"""


def soak(
    bench: Bench, user: User, rate: float, seconds: float, workers: list[BenchWorker], tick: Tick
) -> dict[str, Any]:
    """Hand over articles at a rate for so many seconds, wait for the last, and say what became of them."""
    tick(f"articles, {rate:g} a second")

    def article(number: int) -> bytes:
        text = varied(TEXTS[number % len(TEXTS)], number)
        body = {"html": text.page(), "preferences": {"length": "short", "language": text.language}}
        return bench.site.request("POST", "/api/v1/articles", body)

    with _watched(bench.server, workers, seconds) as memory:
        load = asyncio.run(paced(bench.site, bench.clients, rate, seconds, article))
        batches = [UUID(str(batch)) for batch in Article.objects.owned_by(user).values_list("batch_id", flat=True)]
        tick("the last articles")
        waited = _wait_for_the_end(batches)
    figures = {"submitted": load.figures(), **_outcome(user, batches), **_times(batches)}
    return {"soak": {"seconds": load.seconds, "rate": rate, "drained_after_s": waited, **figures, "memory": memory}}


def forget(user: User) -> None:
    """Delete what articles and summaries left: the articles, the jobs that worked on them, and the steps of jobs."""
    Task.objects.filter(job__user=user).delete()
    DeadLetter.objects.filter(original_job__user=user).delete()
    articles = Article.objects.owned_by(user)
    batches = list(articles.values_list("batch_id", flat=True))
    articles.delete()
    Dependency.objects.filter(job__batch__in=batches).delete()
    Job.objects.filter(batch__in=batches).delete()
    Batch.objects.filter(pk__in=batches).delete()


def _wait_for_the_end(batches: list[UUID]) -> float:
    began = time.perf_counter()
    unfinished = Job.objects.filter(batch__in=batches).exclude(status__in=SETTLED)
    while unfinished.exists() and time.perf_counter() - began < LONGEST_WAIT_SECONDS:
        threading.Event().wait(LOOK_SECONDS)
    return time.perf_counter() - began


def _outcome(user: User, batches: list[UUID]) -> dict[str, Any]:
    jobs = Job.objects.filter(batch__in=batches)
    articles = Article.objects.owned_by(user)
    return {
        "articles": articles.count(),
        "articles_done": articles.filter(stage=Article.Stage.VALIDATED).count(),
        "providers": Counter(Summary.objects.filter(user=user).values_list("provider", flat=True)),
        "dead_letters": DeadLetter.objects.open().filter(original_job__batch__in=batches).count(),
        "retries": sum(jobs.filter(retry_count__gt=0).values_list("retry_count", flat=True)),
        "left_in_queue": jobs.exclude(status__in=SETTLED).count(),
        "not_completed": jobs.filter(status__in=SETTLED).exclude(status=Status.COMPLETED).count(),
    }


def _times(batches: list[UUID]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, [batches])
        stages = {
            job_type: {"jobs": count, "completed": completed, "run_ms": _ms(ran), "wait_ms": _ms(waited)}
            for job_type, count, completed, ran, waited in cursor.fetchall()
        }
        cursor.execute(_WHOLE, [batches])
        cuts, longest = cursor.fetchone()
    return {"stages": stages, "article_ms": {**_ms(cuts), "max": float(longest or 0) * 1000}}


def _ms(cuts: list[float] | None) -> dict[str, float]:
    return {name: float(cut or 0) * 1000 for name, cut in zip(("p50", "p95", "p99"), cuts or [0, 0, 0], strict=True)}


@contextmanager
def _watched(server: Server | None, workers: list[BenchWorker], seconds: float) -> Iterator[dict[str, Any]]:
    """Read the memory of the web processes and the workers, in MB, three times on the way."""
    read: dict[str, list[float]] = {"web_mb": [], "workers_mb": []}
    ended = threading.Event()

    def watch() -> None:
        began = time.monotonic()
        for part in READINGS:
            ended.wait(max(0.0, began + part * seconds - time.monotonic()))
            if server is not None:
                read["web_mb"].append(server.memory_mb())
            read["workers_mb"].append(sum(worker.rss_mb() for worker in workers))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    yield read
    ended.set()
    watching.join()
