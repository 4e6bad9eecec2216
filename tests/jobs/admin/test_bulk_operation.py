from typing import Any

import pytest
from django.test import Client

from accounts.roles import Role
from jobs import control
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.models import BulkOperation, DeadLetter, Job
from jobs.statuses import BulkState
from tests.factories import UserFactory
from tests.jobs.bulk.conftest import work
from tests.jobs.rows import dead_letter, finish, new_job

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/bulkoperation/"
LETTERS = "/admin/jobs/deadletter/"
JOBS = "/admin/jobs/job/"


def words(response: Any) -> str:
    assert response.status_code == 200, response.content
    return " ".join(response.content.decode().split())


def begun(**wished: Any) -> BulkOperation:
    actor = UserFactory(user_id="olga", role=Role.OPERATOR)
    return begin(Wish("dead_letter", "redrive", {"filter": {"type": "note"}}, **wished), actor)


def test_all_that_a_list_finds_becomes_an_operation(operator: Client) -> None:
    for _ in range(6):
        dead_letter(new_job("note"))
    dead_letter(new_job("other"))
    question = words(operator.get(f"{LETTERS}many/redrive/?type=note"))
    assert "6 dead letters, all that the filter finds" in question and "and others" in question
    assert not BulkOperation.objects.exists()
    chosen = {"reason": "provider is back", "rate_per_second": "", "canary": "2", "max_items": ""}
    page = words(operator.post(f"{LETTERS}many/redrive/all/?type=note", chosen, follow=True))
    operation = BulkOperation.objects.get()
    assert (operation.selector, operation.canary, operation.matched) == ({"filter": {"type": "note"}}, 2, 6)
    assert "Redrive: dead letters" in page and "type: note" in page and "provider is back" in page
    work(operation)
    page = words(operator.get(f"{LIST}{operation.pk}/change/"))
    assert "Those that it was tried on first" in page and "Proceed…" in page
    page = words(operator.post(f"{LIST}{operation.pk}/proceed/", {"reason": "fine"}, follow=True))
    assert "It goes on." in page
    work(operation)
    page = words(operator.get(f"{LIST}{operation.pk}/change/"))
    assert "100.0 %" in page and "What became of the jobs" in page and "Proceed…" not in page
    assert DeadLetter.objects.open().count() == 1


def test_a_form_with_errors_is_shown_again_and_danger_wants_a_reason(operator: Client) -> None:
    new_job("note")
    asked = f"{JOBS}many/cancel/all/?type=note"
    page = words(operator.post(asked, {"reason": "", "rate_per_second": "-1", "canary_proceeds": "on"}))
    assert page.count("errorlist") == 3, "reason, rate and canary"
    assert not BulkOperation.objects.exists()
    operator.post(asked, {"reason": "wrong ones", "rate_per_second": "10"})
    operation = BulkOperation.objects.get()
    assert (operation.target, operation.action, operation.rate_per_second) == ("job", "cancel", 10)


def test_a_filter_that_finds_nothing_begins_nothing(operator: Client) -> None:
    page = words(operator.get(f"{LETTERS}many/discard/?type=nobody"))
    assert "The filter finds nothing to act on." in page and 'name="confirm"' not in page


def test_priority_is_an_argument(operator: Client) -> None:
    job = new_job("note")
    operator.post(f"{JOBS}many/priority/all/?type=note", {"reason": "", "priority": "9"})
    assert BulkOperation.objects.get().arguments == {"priority": 9}
    work(BulkOperation.objects.get())
    job.refresh_from_db()
    assert job.priority == 9


def test_its_buttons_go_by_its_state(operator: Client) -> None:
    dead_letter(new_job("note"))
    operation = begun()
    page = words(operator.get(f"{LIST}{operation.pk}/change/"))
    assert "Pause…" in page and "Cancel…" in page and "Proceed…" not in page and "data-live" in page
    operator.post(f"{LIST}{operation.pk}/rate/", {"rate": "3", "reason": ""})
    operator.post(f"{LIST}{operation.pk}/cancel/", {"reason": "enough"})
    operation.refresh_from_db()
    assert (operation.state, operation.rate_per_second) == (BulkState.CANCELLED, 3)
    page = words(operator.get(f"{LIST}{operation.pk}/change/"))
    assert "enough" in page and "Pause…" not in page and "data-live" not in page
    assert "its status is cancelled" in words(operator.post(f"{LIST}{operation.pk}/pause/", {}, follow=True))


def test_a_lost_job_is_told_and_made_good(operator: Client) -> None:
    dead_letter(new_job("note"))
    operation = begun()
    control.cancel(operation.job, None)
    page = words(operator.get(f"{LIST}{operation.pk}/change/"))
    assert "Nobody works on this operation: its job is cancelled." in page and "Proceed…" in page
    operator.post(f"{LIST}{operation.pk}/proceed/", {})
    assert Job.objects.get(pk=BulkOperation.objects.get().job).status == "pending"


def test_failures_are_shown_downloaded_and_run_again(operator: Client) -> None:
    dead_letter(new_job("note", unique_key="k"))
    holder = new_job("note", unique_key="k")
    operation = work(begun())
    page = words(operator.get(f"{LIST}{operation.pk}/change/"))
    assert f"belongs to the job {holder.pk}" in page
    table = operator.get(f"{LIST}{operation.pk}/failures.csv/")
    assert str(holder.pk) in table.getvalue().decode()
    finish(holder)
    page = words(operator.post(f"{LIST}{operation.pk}/again/", {"reason": ""}, follow=True))
    second = BulkOperation.objects.get(again=operation)
    assert f"{second.pk}" in page and "what failed in" in page


def test_viewers_look_and_do_nothing(viewer: Client) -> None:
    dead_letter(new_job("note"))
    operation = begun()
    page = words(viewer.get(f"{LIST}{operation.pk}/change/"))
    assert "Pause…" not in page and "type: note" in words(viewer.get(LIST))
    assert viewer.get(f"{LIST}{operation.pk}/failures.csv/").status_code == 200
    for act in ("pause", "proceed", "cancel", "rate", "again"):
        assert viewer.post(f"{LIST}{operation.pk}/{act}/", {}).status_code == 403
    assert viewer.post(f"{LETTERS}many/redrive/all/?type=note", {}).status_code == 403
    assert BulkOperation.objects.get().state == BulkState.WAITING
