"""What happened in the queues is written down once, whatever happens to whoever writes it down."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from jobs import sampling
from jobs.models import OutcomeCounter, QueueMinute, QueueTotal, WaitCounter, Worker
from jobs.models.wait_counter import WAIT_BUCKETS
from jobs.queue_history import RANGES, history, overall, percentile
from tests.jobs.rows import new_job, start

pytestmark = pytest.mark.django_db


def count(queue: str, outcome: str, times: int, wait: float = 0.2) -> None:
    """Count attempts as workers do when they flush."""
    for _ in range(times):
        OutcomeCounter.objects.count_one(queue, "t", outcome, 0.02)
    histogram = [0] * (len(WAIT_BUCKETS) + 1)
    histogram[bisect_left(WAIT_BUCKETS, wait)] = times
    WaitCounter.objects.add_up([["waited", queue, times, times * wait, histogram]])


def minutes(queue: str = "", grain: int = 1) -> dict[str, Any]:
    """Add up what was written for a queue."""
    rows = QueueMinute.objects.filter(queue=queue, grain=grain)
    return {name: sum(getattr(row, name) for row in rows) for name in ("attempts", "completed", "retried", "dead")}


def test_counts_since_the_last_look_are_added_whichever_worker_flushed_when() -> None:
    count("mail", "completed", 7)
    sampling.sample()
    assert minutes()["attempts"] == 0, "what was counted before the first look of all has no time"
    count("mail", "completed", 3)
    count("mail", "retry", 1)
    sampling.sample()
    count("video", "completed", 2)
    sampling.sample()
    sampling.sample()
    for grain in (1, 15, 60):
        assert minutes(grain=grain) == {"attempts": 6, "completed": 5, "retried": 1, "dead": 0}
        assert minutes("mail", grain) == {"attempts": 4, "completed": 3, "retried": 1, "dead": 0}
        assert minutes("video", grain) == {"attempts": 2, "completed": 2, "retried": 0, "dead": 0}
    waits = QueueMinute.objects.filter(queue="", grain=60).values_list("waits", flat=True)
    assert sum(map(sum, waits)) == 6


def test_a_look_that_is_killed_neither_loses_counts_nor_doubles_them() -> None:
    sampling.sample()
    count("mail", "completed", 4)

    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        sampling.sample()
        raise KeyboardInterrupt
    assert minutes()["completed"] == 0
    sampling.sample()
    sampling.sample()
    assert minutes()["completed"] == 4


def test_counters_that_went_back_count_from_where_they_are() -> None:
    count("mail", "completed", 50)
    sampling.sample()
    OutcomeCounter.objects.update(count=20, histogram=[20])
    WaitCounter.objects.update(count=20, histogram=[20])
    sampling.sample()
    assert minutes() == {"attempts": 0, "completed": 0, "retried": 0, "dead": 0}
    count("mail", "completed", 2)
    sampling.sample()
    assert minutes()["completed"] == 2


def test_how_full_queues_are_stands_beside_the_counts() -> None:
    new_job(queue="mail")
    new_job(queue="mail")
    start(new_job(queue="video"))
    now = datetime.now(UTC)
    Worker.objects.create(id="w", hostname="h", pid=1, concurrency=8, heartbeat_at=now)
    Worker.objects.create(id="gone", hostname="h", pid=2, concurrency=8, heartbeat_at=now - timedelta(days=1))
    sampling.sample()
    row = QueueMinute.objects.get(queue="", grain=1)
    assert (row.depth, row.running, row.workers, row.slots) == (2, 1, 1, 8)
    assert overall("1h", 5)[1]["mail"][-1] == 2


def test_queues_beyond_the_most_that_are_named_go_under_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST", 2)
    sampling.sample()
    for number, queue in enumerate("abcd"):
        count(queue, "completed", 10 - number)
    sampling.sample()
    named = QueueMinute.objects.filter(grain=1).exclude(queue="").values_list("queue", "completed")
    assert dict(named) == {"a": 10, "b": 9, "_other": 15}
    assert minutes()["completed"] == 34


def test_a_minute_without_a_look_is_a_gap_and_no_nought() -> None:
    at = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    for offset in (-50, -2, -1, 0):
        lay(at + timedelta(minutes=offset), seconds=60)
    points = history(None, "1h", until=at).points
    assert [place for place, point in enumerate(points) if point.known] == [9, 57, 58, 59]
    assert points[30].per_minute(points[30].completed) is None and points[58].per_minute(0) == 0


def test_a_look_that_was_a_minute_late_leaves_no_gap() -> None:
    at = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    lay(at - timedelta(minutes=2), seconds=60, completed=10)
    lay(at, seconds=120, completed=20)
    points = history(None, "1h", until=at).points
    assert [point.completed for point in points[-3:]] == [10, 10, 10]
    assert [point.per_minute(point.completed) for point in points[-3:]] == [10, 10, 10]


def test_percentiles_are_read_off_merged_histograms() -> None:
    at = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    fast, slow = [0] * len(WAIT_BUCKETS) + [0], [0] * len(WAIT_BUCKETS) + [0]
    fast[0], slow[8] = 90, 10
    lay(at - timedelta(hours=1), grain=60, waits=fast)
    lay(at, grain=60, waits=slow)
    found = history(None, "7d", until=at + timedelta(minutes=30))
    whole = found.whole
    assert whole.wait(0.5) == pytest.approx(0.005 * 50 / 90)
    assert whole.wait(0.95) == pytest.approx(1.0 + (2.5 - 1.0) * 5 / 10)
    assert percentile(WAIT_BUCKETS, [0] * 16 + [1], 0.95) == 3600.0
    assert percentile(WAIT_BUCKETS, [], 0.5) is None


def test_what_coarser_rows_tell_is_deleted_after_a_while() -> None:
    now = datetime.now(UTC)
    for grain, days in ((1, 1), (1, 3), (15, 7), (15, 9), (60, 34), (60, 36)):
        lay(now - timedelta(days=days), grain=grain)
    assert sampling.prune() == 3
    kept = QueueMinute.objects.values_list("grain", "at")
    assert sorted((grain, (now - at).days) for grain, at in kept) == [(1, 1), (15, 7), (60, 34)]


def test_the_state_stays_small() -> None:
    count("mail", "completed", 1)
    for _ in range(3):
        sampling.sample()
    assert set(QueueTotal.objects.values_list("queue", flat=True)) == {"", "mail"}
    assert set(RANGES) == {"1h", "24h", "7d"}


def lay(at: datetime, grain: int = 1, **columns: Any) -> None:
    QueueMinute.objects.create(queue="", grain=grain, at=at, samples=1, **columns)
