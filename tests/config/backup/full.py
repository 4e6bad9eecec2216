"""A database with something in every part: jobs of all fates, users, sessions, logs over three months."""

from datetime import UTC, datetime, timedelta

from django.db import connections, router

from accounts import keys
from accounts.models import User, Workspace
from analytics.models import CacheMetrics, ErrorLog, RequestLog, RuntimeMetrics, UsageDay
from jobs.enqueue import enqueue
from jobs.models import Function, Job, Queue, Session
from jobs.testing import drain

#: What the logs' partitions are called.
MONTHS = ("y2025m03", "y2025m04", "y2025m05")
#: What a careless copy would change.
ODD = "駅伝 \\N \t'quoted', \"twice\"\nand\r\n{braces} \u2028 %s"


def fill() -> None:
    workspace = Workspace.objects.create(name=ODD)
    user = User.objects.create_user("mei", "a long password for mei", name=ODD)
    keys.issue(user)
    for n in range(20):
        enqueue("summarize", {"content": f"{ODD} The runner hands over. {n}"}, user=user)
    enqueue("summarize", {"content": ""}, user=user)
    drain()
    enqueue("summarize", {"content": "waits"}, user=user, delay=3600)
    Job.objects.filter(status="completed").update(workspace=workspace)
    Queue.objects.create(name="paused", paused=True, paused_at=datetime.now(UTC))
    function, _ = Function.objects.get_or_create(
        language_title="node-thumbnail", defaults={"language": "node", "title": "thumbnail", "version": "1"}
    )
    Session.objects.create(
        user_id=user.user_id,
        language_title=function.language_title,
        context={"odd": ODD},
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    fill_logs()


def fill_logs() -> None:
    alias = router.db_for_write(RequestLog)
    start = datetime(2025, 3, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT public.create_log_partitions(%s, 2)", [start])
    times = [start + timedelta(days=n) for n in range(60)]
    logs = [
        RequestLog(
            request_id=f"request-{n}",
            language_title="python-summarize",
            timestamp=at,
            user_id="mei",
            request_payload={"odd": ODD},
            status_code=200,
            duration_ms=n,
        )
        for n, at in enumerate(times)
    ]
    RequestLog.objects.bulk_create(logs)
    ErrorLog.objects.create(
        request_log_id=logs[0].pk,
        request_timestamp=logs[0].timestamp,
        timestamp=logs[0].timestamp,
        error_code="NoTextFound",
        error_message=ODD,
    )
    RuntimeMetrics.objects.create(
        language_title="python-summarize", avg_duration_ms=1 / 3, p50_duration_ms=0.1, p90_duration_ms=1e-7,
        p95_duration_ms=1e22, p99_duration_ms=3.0, request_count=3, error_count=0, cache_hit_count=1,
    )  # fmt: skip
    CacheMetrics.objects.create(
        language_title="python-summarize", cache_hits=1, cache_misses=2, cache_hit_ratio=1 / 3,
        avg_cache_latency_ms=0.3, evictions=0, memory_usage_mb=1.5,
    )  # fmt: skip
    UsageDay.objects.create(
        language_title="python-summarize", day=times[0], requests=60, successes=60, errors=0, cached=0,
        duration_sum=1770, duration_min=0, duration_max=59, cached_duration_sum=0, buckets=[1, 5], counts=[2, 58],
    )  # fmt: skip
