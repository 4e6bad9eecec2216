"""Workers need no more than the rights of their role: all that they do beside jobs is done with those."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from config.roles.declared import WORKER
from jobs.chores import chores
from jobs.models import Job, ProcessingLock
from jobs.worker import maintenance
from jobs.worker.options import WorkerOptions
from tests.analytics.rows import Failure, Request, lay
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.rows import finish, new_job, start

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_roles")]


@pytest.mark.parametrize("name", sorted(chores))
def test_a_chore_runs_with_the_rights_of_the_worker(name: str, caplog: pytest.LogCaptureFixture) -> None:
    user = UserFactory()
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    lay([Request(long_ago, user_id=user.user_id, status_code=500, failures=(Failure("E"),)), Request(long_ago)])
    new_job(user=user)
    with working_as(WORKER):
        chores[name].act()
    assert [record.message for record in caplog.records if "permission denied" in record.message] == []


def test_the_maintenance_runs_with_the_rights_of_the_worker() -> None:
    lost, old = new_job(max_retries=0), finish(new_job())
    start(lost)
    ProcessingLock.objects.update(expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE job_queue DISABLE TRIGGER touch_job")
        cursor.execute(
            "UPDATE job_queue SET id = '01890000-0000-7000-8000-000000000000', updated_at = '2024-01-01' WHERE id = %s",
            [old.pk],
        )
        cursor.execute("ALTER TABLE job_queue ENABLE TRIGGER touch_job")
    with working_as(WORKER):
        assert maintenance.Maintenance(WorkerOptions(worker_id="w")).round()
    assert [job.status for job in Job.objects.all()] == ["dead_letter"]
