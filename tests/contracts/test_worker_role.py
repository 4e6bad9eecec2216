"""Workers need no more than the rights of their role: all that they do beside jobs is done with those."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts.row_security import acting_as
from config.roles.declared import WORKER
from jobs import retention, schedules
from jobs.chores import chores
from jobs.enqueue import enqueue
from jobs.models import Job, ProcessingLock, Schedule
from jobs.pipeline.submitting import submit_article
from jobs.registry import registry
from jobs.scheduling.firing import fire_due
from jobs.testing import drain_jobs
from jobs.worker import maintenance
from jobs.worker.options import WorkerOptions
from jobs.worker.releasing import Releases
from tests.analytics.rows import Failure, Request, lay
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.django_tasks import tasks
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
        assert retention.tidy() == 1
    assert [job.status for job in Job.objects.all()] == ["dead_letter"]


def test_schedules_fire_and_waiting_jobs_go_with_the_rights_of_the_worker() -> None:
    user = UserFactory()
    first = enqueue("summarize", {"content": "One sentence."}, user=user)
    second = enqueue("summarize", {"content": "Another one."}, user=user, depends_on=[first])
    late = enqueue("summarize", {"content": "Too late."}, expires_at=timedelta(seconds=0.001))
    every = {"type": "timedelta", "seconds": 60}
    schedules.create(user, name="s", job_type="summarize", schedule_interval=every, payload={"content": "On time."})
    Schedule.objects.update(next_run_at=datetime.now(UTC) - timedelta(seconds=5))
    finish(first.fetch())
    with working_as(WORKER):
        assert maintenance.Maintenance(WorkerOptions(worker_id="w")).round()
        Releases(1.0).look()
        assert len(fire_due()) == 1
    assert late.fetch().status == "cancelled" and second.fetch().waits_for is None
    assert Job.objects.filter(schedule__isnull=False).count() == 1


def test_articles_go_all_the_way_with_the_rights_of_the_worker() -> None:
    user = UserFactory()
    text = "Ekiden is a relay race. Each runner hands over the sash. The first one was run in 1917. " * 10
    with acting_as(user):
        article = submit_article(user, html=f"<html><body><article><p>{text}</p></article></body></html>")
    with working_as(WORKER):
        drain_jobs(raising=True)
    article.refresh_from_db()
    assert (article.stage, article.summaries.get().accepted) == ("validated", True)


def test_tasks_of_djangos_framework_run_with_the_rights_of_the_worker() -> None:
    result = tasks.remembers.enqueue()
    try:
        with working_as(WORKER):
            drain_jobs(scheduled=True)
    finally:
        registry.remove(result.task.module_path)
    result.refresh()
    assert result.return_value == [2, 1]
