"""Operators see a task by its path, and can send it back to work."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from jobs import retention
from jobs.django_tasks.framework import TaskResultDoesNotExist
from jobs.models import DeadLetter, Job
from jobs.models.counter import OutcomeCounter
from jobs.testing import drain, eager
from tests.factories import UserFactory
from tests.jobs.django_tasks import tasks
from tests.jobs.test_pruning import aged

pytestmark = pytest.mark.django_db

PATH = "tests.jobs.django_tasks.tasks.fails_until"


@pytest.fixture
def operator():
    client = Client()
    client.force_login(UserFactory(role=Role.OPERATOR))
    return client


def test_a_task_is_listed_by_its_path(operator):
    result = tasks.fails_until.enqueue(1)
    OutcomeCounter.objects.count_one("default", PATH, "completed", 0.1)
    page = operator.get(f"/admin/jobs/job/?type={PATH}").content.decode()
    assert PATH in page and result.id in page
    assert f'<option value="{PATH}"' in operator.get("/admin/jobs/job/").content.decode()
    assert result.id not in operator.get("/admin/jobs/job/?type=summarize").content.decode()
    assert "&quot;args&quot;" in operator.get(reverse("admin:jobs_job_change", args=[result.id])).content.decode()


def test_a_task_is_redriven_from_the_page_of_its_dead_letter(operator):
    result = tasks.fails_until.using(max_retries=0).enqueue(2)
    drain()
    result.refresh()
    assert result.status == "FAILED"
    letter = DeadLetter.objects.get(job_type=PATH)
    assert (
        "not before attempt 2"
        in operator.get(reverse("admin:jobs_deadletter_change", args=[letter.pk])).content.decode()
    )
    operator.post(reverse("admin:jobs_deadletter_redrive", args=[letter.pk]), {"reason": "mended"})
    result.refresh()
    assert result.status == "READY"
    drain()
    result.refresh()
    assert (result.status, result.return_value) == ("SUCCESSFUL", 2)


def test_results_are_kept_as_long_as_jobs():
    tasks.calculate_meaning_of_life.enqueue()
    drain()
    old = str(aged(Job.objects.get(), 31).pk)
    assert tasks.calculate_meaning_of_life.get_result(old).return_value == 42
    retention.tidy()
    with pytest.raises(TaskResultDoesNotExist):
        tasks.calculate_meaning_of_life.get_result(old)


def test_a_worker_can_be_kept_to_a_task():
    with pytest.raises(CommandError, match=r"--job-types: The task 'tests\.gone' cannot be imported"):
        call_command("runworker", "--job-types=tests.gone", "--drain")
    with pytest.raises(CommandError, match="--job-types: 'nobody' is not one of"):
        call_command("runworker", "--job-types=nobody", "--drain")


def test_tasks_in_the_eager_mode_of_tests():
    with eager():
        result = tasks.calculate_meaning_of_life.enqueue()
        assert result.return_value == 42
        with pytest.raises(ValueError, match="This Task failed"):
            tasks.failing_task_value_error.enqueue()
