"""The list of jobs: tabs, pages by ids, filters, columns, files, and what a bulk operation is told of it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from django.utils.timezone import now

from accounts.uuid7 import first_uuid7
from jobs import dead_letters
from jobs.admin import job_export, job_tabs
from jobs.admin.job_selector import job_selector
from jobs.bulk.selecting import rows as selected
from jobs.bulk.selectors import checked_selector
from jobs.models import AuditEntry, Job
from jobs.schemas import Secret
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, finish, new_job, start

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/job/"


def listed(client, **params):
    return client.get(LIST, params).context["cl"]


def test_tabs_count_what_is_not_history(operator, monkeypatch):
    new_job(), new_job(waits_for="event"), new_job(concurrency_key="a", concurrency_limit=1, lane_key="k:a")
    start(new_job())
    finish(new_job())
    dead_letter()
    discarded = dead_letters.discard(dead_letter().pk, operator.user, "deleted and not counted")
    Job.objects.filter(pk=discarded.original_job_id).update(is_deleted=True)
    tabs = {tab.name: tab for tab in listed(operator).tabs}
    assert {name: tab.count for name, tab in tabs.items()} == {
        "All": "", "Pending": "3", "Processing": "1", "Dead letter": "1", "Completed": "", "Failed": "0",
        "Cancelled": "0", "Deleted": "",
    }  # fmt: skip
    for name, tab in tabs.items():
        shown = operator.get(LIST + tab.url).context["cl"]
        assert [one.name for one in shown.tabs if one.current] == [name]
        if tab.count:
            assert len(shown.result_list) == int(tab.count)
    monkeypatch.setattr(job_tabs, "MOST", 2)
    assert listed(operator, status="failed").tabs[1].count == "2+"
    assert listed(operator, queue="default").tabs[1].count == "", "they are of all queues"


def test_pages_behind_each_other_show_every_job_once(operator, monkeypatch):
    jobs = [new_job().pk for _number in range(25)]
    monkeypatch.setattr("jobs.admin.job.JobAdmin.list_per_page", 10)
    seen, page = [], listed(operator)
    pages = [page]
    while page.older_url:
        seen += [job.pk for job in page.result_list]
        new_job(queue="another")  # what comes meanwhile shifts nothing
        page = operator.get(LIST + page.older_url).context["cl"]
        pages.append(page)
    seen += [job.pk for job in page.result_list]
    assert seen == sorted(jobs, reverse=True)
    back = operator.get(LIST + page.newer_url).context["cl"]
    assert [job.pk for job in back.result_list] == [job.pk for job in pages[1].result_list]
    newest = operator.get(LIST + back.newer_url).context["cl"]
    assert len(newest.result_list) == 10 and newest.newer_url, "three came meanwhile"
    assert len(listed(operator, after=str(Job.objects.first().pk)).result_list) == 10, (
        "none is newer: the newest are shown"
    )
    assert listed(operator, before="nonsense").result_list[0] == Job.objects.first()


def test_a_filter_without_an_index_is_searched_for_a_few_thousand_jobs_at_a_time(operator, monkeypatch):
    monkeypatch.setattr("jobs.admin.job_keyset.WINDOW", 3)
    monkeypatch.setattr("jobs.admin.job_keyset.WINDOWS", 2)
    rare = []
    for number in range(20):
        job = new_job(queue="rare" if number in {1, 10, 17} else "default")
        rare += [job.pk] if job.queue == "rare" else []
    found, page, pages = [], listed(operator, queue="rare"), 1
    found += [job.pk for job in page.result_list]
    assert "Go on from there" in operator.get(LIST, {"queue": "rare"}).content.decode()
    while page.going_on_url:
        page = operator.get(LIST + page.going_on_url).context["cl"]
        found += [job.pk for job in page.result_list]
        pages += 1
    assert found == sorted(rare, reverse=True) and pages == 4
    recent = listed(operator, queue="nowhere", **{"from": "2099-01-01T00:00"})
    assert not recent.going_on_url, "nothing below its time can fit"
    monkeypatch.setattr("jobs.admin.job.JobAdmin.list_per_page", 2)
    page = listed(operator, queue="default")
    assert len(page.result_list) == 2 and page.older_url and not page.going_on_url


def test_a_window_of_ones_own_is_in_ones_own_zone(operator):
    operator.cookies["ekiden_zone"] = "Asia/Tokyo"
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    job = new_job(id=first_uuid7(at))
    Job.objects.filter(pk=job.pk).update(created_at=at)
    assert len(listed(operator, **{"from": "2026-03-02T20:59", "to": "2026-03-02T21:01"}).result_list) == 1
    assert len(listed(operator, **{"from": "2026-03-02T21:01"}).result_list) == 0
    assert len(listed(operator, to="2026-03-02T21:00").result_list) == 0
    page = operator.get(LIST, {"from": "yesterday"}).content.decode()
    assert "“yesterday” is no date and time" in page and "No job is like that" in page


def test_what_a_form_sends_without_a_choice_narrows_nothing(operator):
    job = new_job()
    shown = listed(operator, type="", queue="", window="", **{"from": "", "to": ""})
    assert shown.result_list == [job] and not shown.narrowed and not shown.has_active_filters


def test_columns_are_chosen_and_remembered(operator):
    new_job(project_name="kernel")
    heads = list(listed(operator, columns=["state", "project_name"]).list_display)
    assert heads == ["action_checkbox", "key", "state", "project_name"]
    assert "project_name" in listed(operator, status="pending").list_display
    assert "project_name" not in listed(operator, columns="usual").list_display
    assert "tag_list" in listed(operator).list_display


def test_empty_lists_say_what_to_do(operator):
    assert "There are no jobs yet" in operator.get(LIST).content.decode()
    new_job()
    text = operator.get(LIST, {"queue": "nowhere"}).content.decode()
    assert "No job is like that" in text and "Take all filters away" in text


@pytest.fixture
def secretive(register):
    def log_in(ctx, name: str, password: Secret[str]):
        return name

    register("log_in", log_in)
    return new_job("log_in", payload={"name": "=ada", "password": "hunter2"}, tags=["a"], queue="mail")


def exported(client, form, query=""):
    response = client.post(f"{LIST}export/?{query}", {"format": form})
    assert response.status_code == 200 and "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content).decode()


def test_a_file_has_what_the_list_finds_without_its_secrets(operator, secretive):
    other = new_job(project_name="=1+1")
    lines = [json.loads(line) for line in exported(operator, "ndjson", "queue=mail").splitlines()]
    assert [line["id"] for line in lines] == [str(secretive.pk)]
    assert lines[0]["payload"] == {"name": "=ada", "password": "••••••"} and lines[0]["tags"] == ["a"]
    entry = AuditEntry.objects.get(action="export")
    assert (entry.actor, entry.details["format"]) == (operator.user, "ndjson") and "mail" in entry.details["query"]
    table = list(csv.DictReader(io.StringIO(exported(operator, "csv"))))
    assert [row["id"] for row in table] == [str(other.pk), str(secretive.pk)]
    assert table[0]["project_name"] == "'=1+1" and "hunter2" not in str(table)


def test_a_file_ends_at_the_limit_and_says_so(operator, monkeypatch):
    monkeypatch.setattr(job_export, "MOST", 6)
    monkeypatch.setattr(job_export, "AT_ONCE", 2)
    for _number in range(5):
        new_job()
    assert len(exported(operator, "ndjson").splitlines()) == 5
    new_job(), new_job()
    *jobs, last = exported(operator, "ndjson").splitlines()
    assert len(jobs) == 6 and "only the newest 6" in last


def test_a_file_is_asked_for_by_post_alone(operator):
    assert operator.get(f"{LIST}export/").status_code == 405
    assert operator.post(f"{LIST}export/", {"format": "xls"}).status_code == 403


def test_viewers_look_and_may_not_act(viewer):
    job = new_job()
    text = viewer.get(f"{LIST}{job.pk}/change/").content.decode()
    assert "Cancel…" not in text and "Clone…" not in text
    for act in ("cancel", "retry", "run-now", "reschedule", "priority", "move", "event", "delete", "restore", "clone"):
        assert viewer.get(f"{LIST}{job.pk}/{act}/").status_code == 403, act
        assert viewer.post(f"{LIST}{job.pk}/{act}/").status_code == 403, act
    assert "action-select" not in viewer.get(LIST).content.decode()
    assert viewer.post(f"{LIST}many/delete/").status_code == 403


def test_a_job_is_rescheduled_moved_deleted_and_brought_back(operator):
    job, later = new_job(), now() + timedelta(days=3)
    form = {"scheduled_at": f"{later:%Y-%m-%dT%H:%M}", "expected_version": job.version, "reason": "not before then"}
    operator.post(f"{LIST}{job.pk}/reschedule/", form)
    job.refresh_from_db()
    assert abs(job.scheduled_at - later) < timedelta(minutes=1)
    assert AuditEntry.objects.get(target_id=str(job.pk)).reason == "not before then"
    operator.post(f"{LIST}{job.pk}/move/", {"queue": "slow", "expected_version": job.version})
    operator.post(f"{LIST}{job.pk}/run-now/", {"reason": "after all"})
    job.refresh_from_db()
    assert job.queue == "slow" and job.scheduled_at <= now()
    far = {"scheduled_at": "2099-01-01T00:00", "expected_version": job.version}
    assert "at most one year ahead" in operator.post(f"{LIST}{job.pk}/reschedule/", far).content.decode()
    operator.post(f"{LIST}{job.pk}/delete/", {"reason": "twice there"})
    assert Job.objects.get(pk=job.pk).is_deleted
    operator.post(f"{LIST}{job.pk}/restore/")
    assert not Job.objects.get(pk=job.pk).is_deleted


@pytest.mark.parametrize(
    "query",
    [
        "", "status=pending", "status=completed&type=summarize", "queue=mail", "window=1h", "deleted=yes", "q=nightly",
        "q=status:pending+queue:mail", "q=is_deleted:true", "q=project_name:kern*&status=pending", "type=&queue=mail",
    ],
)  # fmt: skip
def test_a_bulk_operation_finds_what_the_list_finds(operator, query):
    new_job(queue="mail", tags=["nightly"]), new_job(project_name="kernel"), finish(new_job())
    new_job(is_deleted=True, status="cancelled")
    listed_here = {job.pk for job in operator.get(f"{LIST}?{query}").context["cl"].result_list}
    request = RequestFactory().get(f"{LIST}?{query}")
    request.user = operator.user
    selector = checked_selector("job", job_selector(request))
    assert {job.pk for job in selected("job", selector)} == listed_here


@pytest.mark.parametrize("query", ["q=01900000", "status=nonsense", "window=century", "from=x", "q=status:"])
def test_what_a_selector_cannot_say_is_left_to_the_request(query):
    request = RequestFactory().get(f"{LIST}?{query}")
    request.user = UserFactory(user_id="ada")
    assert job_selector(request) is None
    assert isinstance(request.GET, QueryDict)
