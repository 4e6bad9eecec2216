"""Pages of queues, workers, schedules, functions and sessions ask the database few questions."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from jobs import schedules
from jobs.models import Function, Queue, Session, Worker
from tests.jobs.rows import finish, new_job, start

MOST = 14
NO_QUERIES = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT set_config", "SELECT public.act_as")


@pytest.fixture
def pages(operator):
    Queue.objects.create(name="mail", paused=True, paused_at=now())
    relay = Worker.objects.create(id="relay-1", hostname="relay-1", pid=1, queues=[], concurrency=4)
    hourly = {"type": "timedelta", "seconds": 3600}
    made = schedules.create(
        None, name="x", job_type="summarize", schedule_interval=hourly, payload={"content": "x"}, queue="mail"
    )
    opened = Session.objects.create(
        language_title="python-x", user=operator.user, expires_at=now() + timedelta(hours=1), last_executed_at=now()
    )
    function = Function.objects.create(language="go", title="resize", language_title="go-resize")
    for hours in range(5):
        start(new_job(queue="mail"), relay.pk)
        finish(new_job(schedule_id=made.pk, scheduled_for=now() - timedelta(hours=hours)))
        new_job(queue="mail", user=operator.user, session=opened.pk)
    rows = {"queue": "mail", "worker": relay.pk, "schedule": made.pk, "session": opened.pk, "function": function.pk}
    return [*(f"{name}/" for name in rows), *(f"{name}/{pk}/change/" for name, pk in rows.items())]


def test_few_queries_each(operator, pages):
    for page in pages:
        address = f"/admin/jobs/{page}"
        # The first visit of a minute is noted.
        operator.get(address)
        with CaptureQueriesContext(connection) as sent:
            assert operator.get(address).status_code == 200, address
        asked = [each["sql"] for each in sent if not each["sql"].startswith(NO_QUERIES)]
        assert len(asked) <= MOST, (address, "\n".join(sql[:90] for sql in asked))
