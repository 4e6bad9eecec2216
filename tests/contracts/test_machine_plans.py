"""Pages of queues, schedules and sessions read what they show by an index, however long the history is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from jobs import purging
from jobs.admin import queue, schedule_calendar, schedule_runs, session
from jobs.models import Schedule, Session
from tests.contracts.plans import plans_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

#: Some are of one schedule or one user; a few wait, and the rest is history.
JOBS = """INSERT INTO job_queue
    (id, job_type, queue, status, completed_at, started_at, schedule_id, scheduled_for, user_id, session)
SELECT ekiden_uuid7(), 'bench_thread', 'q' || n %% 5, CASE WHEN n > 20 THEN 'completed' ELSE 'pending' END,
       CASE WHEN n > 20 THEN now() END, CASE WHEN n > 20 THEN now() END, CASE WHEN n %% 20 = 0 THEN %s::uuid END,
       now() - n * interval '1 hour', CASE WHEN n %% 50 = 0 THEN %s::uuid END, CASE WHEN n %% 100 = 0 THEN %s END
FROM generate_series(1, 20000) n"""


@pytest.fixture
def history():
    ann = UserFactory(user_id="ann")
    hourly = {"type": "timedelta", "seconds": 3600}
    made = Schedule.objects.create(name="hourly", job_type="bench_thread", schedule_interval=hourly)
    opened = Session.objects.create(
        language_title="python-x", user=ann, expires_at=now() + timedelta(hours=1), last_executed_at=now()
    )
    with connection.cursor() as cursor:
        cursor.execute(JOBS, [made.pk, ann.pk, opened.pk])
        cursor.execute("ANALYZE job_queue")
    return made, opened


@pytest.mark.parametrize(
    ("work", "indexes"),
    [
        (lambda made, opened: schedule_runs.latest_runs([made]), {"job_once_per_tick"}),
        (lambda made, opened: schedule_calendar.calendar(made), {"job_once_per_tick"}),
        (lambda made, opened: purging.look("q1", now()), {"job_ready", "job_lanes", "job_waiting"}),
        (lambda made, opened: queue._waiting("q1"), {"job_ready"}),
        (lambda made, opened: list(queue._running("q1")), {"job_running"}),
        (lambda made, opened: queue._dead("q1"), {"job_ended_badly"}),
        (lambda made, opened: list(session._jobs_of(opened)), {"job_owner", "job_queue_pkey"}),
    ],
    ids=["runs", "calendar", "purge", "next in line", "running", "dead", "session"],
)
def test_history_is_not_read(history, work, indexes):
    nodes = [node for plan in plans_of(lambda: work(*history)) for node in plan.nodes()]
    assert any(node.get("Relation Name") == "job_queue" for node in nodes)
    assert not any(node["Node Type"] == "Seq Scan" and node["Relation Name"] == "job_queue" for node in nodes)
    used = {node["Index Name"] for node in nodes if node.get("Index Name", "").startswith("job_")}
    assert used and used <= indexes
