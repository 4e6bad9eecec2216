"""The Python of the documents: it is run, in the order of the page, against the database."""

import re
import sys
from dataclasses import fields
from importlib import import_module
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any

import django
import pytest

from accounts.models import User
from jobs.context import Context
from jobs.django_tasks import EkidenBackend, EkidenTask
from jobs.django_tasks.framework import Task
from jobs.execution import run
from jobs.models import Job
from jobs.outcomes import Attempt, Completed, DeadLettered, Outcome, Retry, Snoozed
from jobs.registry import registry
from jobs.statuses import Status
from jobs.testing import drain_jobs, run_job
from tests.markdown import blocks, table, words

#: The first line of a block that is a file.
FILE = re.compile(r"# ([\w/]+)\.py")

_tokens = count(1)


def module_at(path: list[str]) -> ModuleType:
    """Make a module that can be imported, and the packages around it."""
    for depth in range(1, len(path) + 1):
        name = ".".join(path[:depth])
        sys.modules.setdefault(name, ModuleType(name))
    return sys.modules[name]


def run_page(page: str) -> dict[str, Any]:
    """Run a page's blocks one after the other; those that are files become modules that can be imported."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.language != "python":
            continue
        code = compile("\n" * block.line + block.text, block.page, "exec")
        if file := FILE.match(block.text):
            module = module_at(file[1].split("/"))
            exec(code, module.__dict__)
            names |= {name: value for name, value in vars(module).items() if not name.startswith("__")}
        else:
            exec(code, names)
    return names


@pytest.fixture
def page(db, monkeypatch):
    """Run a page, and forget its job types and modules afterwards."""
    if django.VERSION < (6, 0):
        # The pages import it from where it is by now.
        monkeypatch.setitem(sys.modules, "django.tasks", import_module("django_tasks"))
    types, modules = {job_type.name for job_type in registry}, set(sys.modules)
    yield lambda name: SimpleNamespace(**run_page(name))
    for name in {job_type.name for job_type in registry} - types:
        registry.remove(name)
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in {"articles", "shop"}:
            del sys.modules[name]


def outcome_of(job_type: str, payload: str, **facts: Any) -> Outcome:
    """Let the worker's machinery run one attempt."""
    fields = {"number": 1, "retry_count": 0, "max_retries": 3, "timeout": None, "renewed_at": 0.0, **facts}
    attempt = Attempt("01a1fdf7-860d-7070-8cac-90d6b72ddbb8", next(_tokens), job_type, "default", 5, payload, **fields)
    return run(attempt, Context(attempt, lambda told: None))


def test_readme(page):
    names = page("README.md")
    job = Job.objects.get(pk=names.enqueued.id)
    assert (job.job_type, job.queue, job.priority, job.payload) == ("count_words", "texts", 8, {"text": "one two two"})
    assert job.user == User.objects.get(user_id="mei.tanaka") and names.enqueued.created
    assert (job.max_retries, job.timeout) == (5, 30)
    assert outcome_of("count_words", '{"text": "one two two"}') == Completed('{"words":3,"different":2}')
    assert isinstance(outcome_of("count_words", '{"text": "one", "least": 2}'), DeadLettered)


def test_handlers_and_submissions(page):
    names = page("docs/handlers.md")
    jobs = Job.objects.filter(job_type="send_receipt").order_by("id")
    assert {job.payload["order"] for job in jobs} == {"A-17", "A-18", "A-19", "A-20", "A-21", "A-22"}
    by_order = {job.payload["order"]: job for job in jobs}
    assert by_order["A-18"].priority == 9 and by_order["A-18"].scheduled_at > by_order["A-17"].scheduled_at
    assert (by_order["A-19"].queue, by_order["A-20"].tags) == ("mail-bulk", ["sale"])
    assert (names.again.created, names.same.created, names.same.id) == (True, False, names.again.id)
    assert outcome_of("send_receipt", '{"order": "A-17"}') == Completed('{"order":"A-17","language":"en"}')
    assert isinstance(outcome_of("resize", '{"width": 5000}'), DeadLettered)
    assert outcome_of("resize", '{"width": 400}') == Completed("400")


def test_tests_that_the_page_shows(page):
    names = page("docs/handlers.md")
    Job.objects.all().delete()
    names.test_a_receipt_is_sent()
    names.test_what_it_gives()


def test_what_is_raised_means_what_the_page_says(page):
    page("docs/handlers.md")

    def charged(answer: int, **facts: Any) -> Outcome:
        return outcome_of("charge", f'{{"order": "A-1", "answer": {answer}}}', **facts)

    assert charged(202) == Snoozed(30)
    limited, failed = charged(429), charged(503, retry_count=2)
    assert isinstance(limited, Snoozed) and limited.delay == 12 and limited.error
    assert isinstance(failed, Retry) and failed.delay == 4
    assert isinstance(charged(503, retry_count=3), DeadLettered)
    assert isinstance(charged(400), DeadLettered)
    assert charged(200) == Completed('"01a1fdf7-860d-7070-8cac-90d6b72ddbb8"')


def test_atomic_handler_changes_the_account(page):
    page("docs/handlers.md")
    assert registry.get("close_account").atomic
    User.objects.create_user("kept")
    User.objects.create_user("closed")
    assert outcome_of("close_account", '{"user_id": "closed"}') == Completed("1")
    assert list(User.objects.filter(is_active=False).values_list("user_id", flat=True)) == ["closed"]


def test_django_tasks(page):
    names = page("docs/django-tasks.md")
    assert EkidenBackend("default", names.TASKS["default"]).check() == []
    assert (names.result.status, names.result.kwargs) == ("READY", {"language": "ja"})
    assert (names.same.id, names.after.status) == (names.first.id, "READY")
    ran = {str(job.pk): job for job in drain_jobs()}
    names.result.refresh()
    assert names.result.return_value == {"order": "A-17", "language": "ja"}
    assert ran[names.charged.id].result == 1 and names.tomorrow.id not in ran
    # What depends on another one is released by workers.
    assert ran[names.first.id].queue == "mail"
    names.test_a_receipt_is_sent()


def test_durable_tasks(page):
    names = page("docs/tasks.md")
    first, second = run_job(names.waiting), run_job(names.waiting)
    assert (first.status, second.status, second.waits_for) == ("pending", "completed", None)
    assert second.result == {"url": "https://example.org/relay", "words": 29, "editor": "mei"}
    names.test_an_article_is_published_when_it_is_approved()
    Job.objects.all().delete()
    names.test_nobody_approves()


def test_options_of_django_tasks_are_all_named():
    shown = {word.split("=")[0] for row in table("docs/django-tasks.md", "option") for word in words(row[0])}
    own = {field.name for field in fields(EkidenTask)} - {field.name for field in fields(Task)}
    assert shown == own
    statuses = {word for row in table("docs/django-tasks.md", "the job is") for word in words(row[0])}
    assert statuses == set(Status.values)
