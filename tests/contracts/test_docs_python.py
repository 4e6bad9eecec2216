"""The Python of the documents: it is run, in the order of the page, against the database."""

import json
import re
import sys
from dataclasses import fields
from datetime import UTC, datetime
from importlib import import_module
from inspect import signature
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import django
import pytest
from django.db import connection

from accounts.models import User
from accounts.tiers import Tier
from jobs import pytest_plugin
from jobs.context import Context
from jobs.cron import NAMES, Cron
from jobs.django_tasks import EkidenBackend, EkidenTask
from jobs.django_tasks.framework import Task
from jobs.execution import run
from jobs.models import Job, Schedule
from jobs.outcomes import Attempt, Completed, DeadLettered, Outcome, Retry, Snoozed
from jobs.pipeline.stages import GONE
from jobs.pipeline.steps import STEPS
from jobs.registry import registry
from jobs.scheduling.catching_up import GRACE
from jobs.scheduling.faults import CAP_MOST
from jobs.scheduling.firing import fire_due
from jobs.scheduling.synchronizing import synchronize
from jobs.statuses import Status
from jobs.testing import drain_jobs, run_job
from jobs.testing.expecting import _CONDITIONS
from jobs.timing import parse
from jobs.uniqueness import MODES, Unique
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions
from tests.markdown import ROOT, blocks, table, words

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
    assert {job.payload["order"] for job in jobs} == {f"A-{number}" for number in (*range(17, 23), *range(25, 30))}
    by_order = {job.payload["order"]: job for job in jobs}
    assert by_order["A-18"].priority == 9 and by_order["A-18"].scheduled_at > by_order["A-17"].scheduled_at
    assert (by_order["A-19"].queue, by_order["A-20"].tags) == ("mail-bulk", ["sale"])
    assert (names.again.created, names.same.created, names.same.id) == (True, False, names.again.id)
    assert outcome_of("send_receipt", '{"order": "A-17"}') == Completed('{"order":"A-17","language":"en"}')
    assert isinstance(outcome_of("resize", '{"width": 5000}'), DeadLettered)
    assert outcome_of("resize", '{"width": 400}') == Completed("400")


def test_unique_jobs(page):
    names = page("docs/handlers.md")
    assert (names.first.created, names.skipped.created, names.skipped.id) == (True, False, names.first.id)
    assert (names.still.created, names.still.id, names.holder) == (False, names.waits.id, names.first.id)
    assert names.waits.fetch().payload["reason"] == "renamed again"
    assert run_job(names.price_report, country="Japan").status == "completed"
    assert not names.price_report.enqueue(country="Japan").created


def test_what_unique_may_say_is_all_named():
    assert [words(row[0])[0] for row in table("docs/handlers.md", "`Unique`")] == [
        field.name for field in fields(Unique)
    ]
    modes = [words(row[0])[0].strip('"') for row in table("docs/handlers.md", "mode")]
    assert modes == ["skip", "raise", "replace", "debounce"] and set(modes) == set(MODES)


def test_tests_that_the_page_shows(page, request, monkeypatch):
    names = page("docs/testing.md")
    shown = {name: test for name, test in vars(names).items() if name.startswith("test_")}
    assert len(shown) == 6
    for test in shown.values():
        Job.objects.all().delete()
        test(**{name: request.getfixturevalue(name) for name in signature(test).parameters})


def test_what_tests_may_expect_is_all_named():
    shown = {word for row in table("docs/testing.md", "keyword") for word in words(row[0])}
    assert shown == {*_CONDITIONS, "count"}
    fixtures = {word for row in table("docs/testing.md", "fixture") for word in words(row[0])}
    assert fixtures == {name for name in vars(pytest_plugin) if type(getattr(pytest_plugin, name)) is type(page)}


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


def test_limits(page):
    names = page("docs/limits.md")
    assert {each.fetch().concurrency_key for each in names.both} == {"tenant:7"}
    assert names.alone.fetch().concurrency_limit == 1
    assert [len(Claimer(WorkerOptions()).claim(10)) for _ in range(2)] == [4, 0]
    assert names.queues.configure("mail", names.ada).concurrency_limit == 20
    assert names.offer.fetch().expires_at is not None
    assert names.call_carrier.enqueue(parcel="P-1").fetch().rate_limit == "10/30s"


def test_workflows(page):
    shown = page("docs/workflows.md")
    lead = shown.close_order.using().enqueue(number=7)
    assert [job.job_type for job in drain_jobs()] == ["close_order", "tell_ada", "add_up"]
    assert lead.fetch().status == Status.COMPLETED


def test_articles(page):
    names = page("docs/articles.md")
    assert (names.progress.percent, names.progress.status, len(names.progress.stages)) == (0, "pending", 3)
    drain_jobs(raising=True)
    names.article.refresh_from_db()
    assert names.article.stage == "validated"


def test_similarity(page):
    names = page("docs/similarity.md")
    assert [near["title"] for near in names.found["similar"]] == ["全日本大学駅伝"]
    assert [near["title"] for near in names.by_text["similar"]][:2] == ["全日本大学駅伝", "箱根駅伝"]
    assert [article.title for article in names.races] == ["箱根駅伝"]


def test_batch_processing(page):
    told = json.loads(next(block.text for block in blocks("docs/batch-processing.md") if block.language == "json"))
    assert page("docs/batch-processing.md").report == told
    payload = {words(row[0])[0] for row in table("docs/batch-processing.md", "payload")}
    assert payload == set(registry.get("batch_process").schema["properties"])


def test_stages_codes_and_priorities_of_articles_are_all_named():
    stages = {(words(row[0])[0], *words(row[1])) for row in table("docs/articles.md", "stage")}
    assert stages == {("submitted",), *((stage.value, job_type) for job_type, stage in STEPS.values())}
    told = {word for row in table("docs/articles.md", "status of a stage") for word in words(row[0])}
    assert told == {*Status.values, GONE}
    source = "".join((ROOT / "jobs" / path).read_text() for path in ("articles/validation.py", "pipeline/judging.py"))
    codes = {words(row[0])[0] for row in table("docs/articles.md", "code")}
    assert codes == set(re.findall(r'Reason\(\s*"(\w+)"', source))
    for row in table("docs/articles.md", "job type"):
        priority_of = registry.get(words(row[0])[0]).priority_of
        assert [priority_of(User(tier=tier)) for tier in Tier] == [int(cell) for cell in row[1:4]]


@pytest.mark.django_db
def test_the_table_of_dependencies_is_what_the_database_does():
    ends = {"completes": "completed", "becomes": "dead_letter", "discarded": "failed", "cancelled": "cancelled"}
    meanings = {"met": "met", "never met": "unmet", "waits": "open"}
    found = 0
    for row in table("docs/workflows.md", "the other job"):
        status = next((ends[word] for word in row[0].replace("(", " ").split() if word in ends), None)
        for condition, cell in zip(("completed", "failed", "ended"), row[1:], strict=True):
            if status:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT dependency_status(%s, %s)", [condition, status])
                    assert cursor.fetchone() == (meanings[cell.partition(":")[0]],), (row[0], condition)
                found += 1
    assert found == 12


def test_schedules(page):
    names = page("docs/schedules.md")
    assert set(synchronize().added) == {"close_day", "refresh_stock", "digest for Tokyo", "digest for London"}
    assert len(names.times) == 10 and names.times[0] == names.schedule.next_run_at
    assert (names.changed.priority, names.restored.is_active, names.restored.is_deleted) == (8, False, False)
    job = names.submitted.fetch()
    assert (job.schedule_id, job.user, job.payload) == (names.schedule.pk, names.mei, {"office": "new york"})
    due = Schedule.objects.get(name="digest for Tokyo").next_run_at
    fired = {one.name: one for one in fire_due(now=due)}["digest for Tokyo"]
    assert Job.objects.get(pk=fired.jobs[due]).payload == {"office": "tokyo"}


def test_intervals_and_clocks_of_the_page_are_so():
    for example, *_ in table("docs/schedules.md", "interval"):
        assert parse(json.loads(words(example)[0])).describe()
    shown = {words(row[0])[0] for row in table("docs/schedules.md", "in New York")}
    zone = {expression: parse(cron(expression)) for expression in shown}
    for day, expected in NEW_YORK.items():
        midnight = datetime.fromisoformat(day).astimezone(UTC)
        for expression, times in expected.items():
            found = zone[expression].upcoming(midnight, 12)
            wall = [f"{one.astimezone(ZoneInfo('America/New_York')):%d %H:%M}" for one in found]
            at = wall.index(times[0])
            assert wall[at : at + len(times)] == times


def cron(expression: str) -> dict[str, str]:
    return {"type": "cron", "expression": expression, "timezone": "America/New_York"}


#: What the page says of each expression on the two days, and of the day before each.
NEW_YORK = {
    "2026-03-08T00:00-05:00": {
        "30 2 * * *": ["08 03:00", "09 02:30"],
        "30 1 * * *": ["08 01:30", "09 01:30"],
        "*/30 * * * *": ["08 01:00", "08 01:30", "08 03:00"],
    },
    "2026-11-01T00:00-04:00": {
        "30 2 * * *": ["01 02:30", "02 02:30"],
        "30 1 * * *": ["01 01:30", "02 01:30"],
        "*/30 * * * *": ["01 01:00", "01 01:30", "01 01:00", "01 01:30", "01 02:00"],
    },
}


def test_options_of_schedules_are_all_named():
    for word, choices in (("`misfire`", Schedule.Misfire), ("`overlap`", Schedule.Overlap)):
        assert [words(row[0])[0] for row in table("docs/schedules.md", word)] == choices.values
    text = (ROOT / "docs" / "schedules.md").read_text()
    assert all(f"`{name}`" in text for name in NAMES)
    assert f"within {GRACE.total_seconds():.0f} seconds" in text
    assert f"at most {CAP_MOST:,}" in text and f"up to {Cron.MOST_COUNTED:,} at once" in text


def test_options_of_django_tasks_are_all_named():
    shown = {word.split("=")[0] for row in table("docs/django-tasks.md", "option") for word in words(row[0])}
    own = {field.name for field in fields(EkidenTask)} - {field.name for field in fields(Task)}
    assert shown == own
    statuses = {word for row in table("docs/django-tasks.md", "the job is") for word in words(row[0])}
    assert statuses == set(Status.values)
