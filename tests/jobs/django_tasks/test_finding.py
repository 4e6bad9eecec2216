"""Which paths lead to tasks, who may follow them, and what is told of those that lead nowhere."""

import runpy
import sys
from importlib import import_module

import django
import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import override_settings

from accounts.row_security import acting_as
from config.roles.declared import APP
from jobs import enqueue
from jobs.django_tasks import framework
from jobs.django_tasks.finding import find
from jobs.exceptions import TaskNotFound, UnknownJobType
from jobs.models import DeadLetter, Job
from jobs.registry import registry
from jobs.testing import drain, run_job
from tests.api_client import client_of
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.django_tasks import tasks
from tests.jobs.django_tasks.framework import IMMEDIATE
from tests.jobs.rows import new_job

PATH = "tests.jobs.django_tasks.tasks"
PAYLOAD = {"args": [], "kwargs": {}}


@pytest.mark.parametrize("name", ["summarize", "", "a b.c", ".x", "x.", "a..b", "1.2", "os/path.join", "köln", "x.y-z"])
def test_names_that_are_no_paths_are_not_followed(name, monkeypatch):
    monkeypatch.setattr("jobs.django_tasks.finding.import_module", lambda name: pytest.fail(name))
    assert find(name) is None


def test_nothing_is_imported_where_no_backend_is_ours():
    with override_settings(TASKS={"default": {"BACKEND": IMMEDIATE}, "broken": {"BACKEND": "no.such"}}):
        assert find(f"{PATH}.noop_task") is None


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("os.system", "is no task"),
        (f"{PATH}.Job", "is no task"),
        (f"{PATH}.elsewhere", f"is {PATH}.noop_task by another name"),
        (f"{PATH}.gone", "cannot be imported (AttributeError"),
        ("no.such.module", "cannot be imported (ModuleNotFoundError: No module named 'no')"),
        (f"{PATH}.noop_task.func", "cannot be imported (ModuleNotFoundError"),
    ],
)
def test_only_tasks_are_run(path, why):
    with pytest.raises(TaskNotFound) as caught:
        find(path)
    assert str(caught.value).startswith(f"The task {path!r} {why}") and isinstance(caught.value, UnknownJobType)


def test_a_module_that_breaks_is_the_jobs_error_and_not_the_workers(monkeypatch):
    def breaks(name):
        return exec("raise SystemExit(3)", {}) if name == "broken" else import_module(name)

    monkeypatch.setattr("jobs.django_tasks.finding.import_module", breaks)
    with pytest.raises(TaskNotFound, match=r"cannot be imported \(SystemExit: 3\)"):
        find("broken.task")


@pytest.mark.django_db
def test_the_dead_letter_says_what_is_wrong():
    job = run_job(new_job("os.system", payload={"args": ["true"], "kwargs": {}}))
    letter = DeadLetter.objects.get(original_job=job)
    assert (letter.error_class, letter.error_message) == ("TaskNotFound", "The task 'os.system' is no task.")


@pytest.mark.django_db
@pytest.mark.parametrize("payload", [{}, {"args": []}, {"args": {}, "kwargs": {}}, {**PAYLOAD, "more": 1}])
def test_payloads_that_are_none_of_a_task(payload):
    job = run_job(new_job(f"{PATH}.noop_task", payload=payload))
    assert DeadLetter.objects.get(original_job=job).error_class == "InvalidPayload"


@pytest.mark.django_db
def test_clients_cannot_submit_tasks():
    tasks.noop_task.enqueue()
    with pytest.raises(UnknownJobType):
        enqueue.enqueue(f"{PATH}.noop_task", PAYLOAD)
    answer = client_of(UserFactory()).post("/api/v1/jobs", {"type": f"{PATH}.noop_task", "payload": PAYLOAD})
    assert answer.status_code in {400, 422} and Job.objects.count() == 1
    assert f"{PATH}.noop_task" not in registry


@pytest.mark.django_db
def test_a_worker_registers_what_it_finds_and_no_list_shows_it():
    tasks.noop_task.enqueue()
    drain()
    found = registry.get(f"{PATH}.noop_task")
    assert found.internal and found not in registry.listed()
    assert (found.path, found.is_coroutine) == (f"{PATH}:noop_task", False)


@pytest.mark.django_db
def test_web_processes_enqueue_and_read_what_row_security_would_hide(database_roles):
    ada = UserFactory()
    with working_as(APP), acting_as(ada):
        result = tasks.noop_task.enqueue()
        assert tasks.noop_task.get_result(result.id).status == "READY"
        assert not Job.objects.exists()
        own = tasks.noop_task.using(user=ada).enqueue()
        assert str(Job.objects.get().pk) == own.id
    with working_as(APP):
        tasks.noop_task.enqueue()
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO job_queue (job_type) VALUES ('x')")


def test_without_the_framework_there_is_nothing_to_find(monkeypatch):
    monkeypatch.setattr("jobs.apps.find_spec", lambda name: None)
    with pytest.raises(UnknownJobType, match="No handler is registered"):
        registry.find(f"{PATH}.noop_task")


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="not for Django with a framework of its own")
def test_a_site_that_lacks_the_backport_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "django_tasks", None)
    with pytest.raises(ImportError, match=r"Before Django 6\.0 jobs\.django_tasks needs the package django-tasks"):
        runpy.run_path(framework.__file__)
