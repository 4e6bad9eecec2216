"""The first page reads the history of the queues by its indexes, and what waits by those of the claim."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from jobs import glance, queue_history, sampling
from tests.contracts.plans import nested_plans, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

_MINUTES = """
INSERT INTO job_queue_minutes (queue, grain, at, depth)
SELECT queue, grain, date_bin(make_interval(mins => grain), now(), 'epoch') - back * make_interval(mins => grain), 5
FROM (VALUES (1, 2880), (15, 768), (60, 840)) AS g (grain, kept), generate_series(1, kept) AS back,
     (VALUES (''), ('a'), ('b'), ('c'), ('d')) AS q (queue)"""
_JOBS = """
INSERT INTO job_queue (job_type, queue, priority, status, started_at, completed_at, scheduled_at, lane_key)
SELECT 'type', 'queue' || n % 5, 4 + n % 3, CASE WHEN n % 20 > 0 THEN 'completed' ELSE 'pending' END,
       CASE WHEN n % 20 > 0 THEN now() END, CASE WHEN n % 20 > 0 THEN now() END,
       now() + (n - 20000) * interval '1 second', CASE WHEN n % 200 = 0 THEN 'key' || n END
FROM generate_series(1, 40000) n"""


@pytest.fixture(scope="module")
def laid(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        for sql in (_MINUTES, _JOBS, "ANALYZE job_queue_minutes", "ANALYZE job_queue"):
            cursor.execute(sql)
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("laid")
@pytest.mark.parametrize("span", queue_history.RANGES)
def test_the_history_is_read_by_its_indexes(span: str) -> None:
    (overall, *_rest) = plans_of(lambda: queue_history.overall(span, 5))
    (one, *_rest) = plans_of(lambda: queue_history.histories(["a"], span))
    for plan in (overall, one):
        # By time, or for few queues by queue and time.
        assert plan.indexes("job_queue_minutes") <= {"job_queue_minute_at", "job_queue_minutes_pkey"}
        assert plan.indexes("job_queue_minutes") and "job_queue_minutes" not in plan.read_whole()


@pytest.mark.usefixtures("laid")
def test_old_minutes_are_found_by_their_time() -> None:
    for plan in plans_of(sampling.prune):
        assert plan.indexes("job_queue_minutes") == {"job_queue_minute_at"}


@pytest.mark.usefixtures("laid")
def test_what_waits_is_looked_at_by_the_indexes_of_the_claim() -> None:
    (plan,) = plans_of(glance.glance)
    assert {"job_ready", "job_lanes", "job_running"} <= plan.indexes("job_queue")
    assert "job_queue" not in plan.read_whole()


@pytest.mark.usefixtures("laid")
def test_the_chore_reads_no_history() -> None:
    for plan in nested_plans(sampling.sample):
        assert "job_queue" not in plan.read_whole()
