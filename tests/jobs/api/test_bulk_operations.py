import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs.models import AuditEntry, BulkItem, BulkOperation, DeadLetter, Job
from tests.api_client import problem
from tests.jobs.bulk.conftest import work
from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db

API = "/api/v1/bulk-operations"
WISH: dict[str, Any] = {"target": "dead_letter", "action": "redrive", "selector": {"filter": {}}}


def begun(operator: APIClient, **wished: Any) -> BulkOperation:
    answer = operator.post(API, {**WISH, **wished})
    assert answer.status_code == 202, answer.content
    return BulkOperation.objects.get(pk=answer.json()["id"])


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(operator: APIClient) -> None:
    letters = [dead_letter(new_job("note")) for _ in range(12)]
    answer = operator.post(API, {**WISH, "dry_run": True})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["matched"], body["matched_capped"], body["dry_run"]) == (12, False, True)
    assert [each["id"] for each in body["samples"]] == [str(letter.pk) for letter in letters[:10]]
    assert not BulkOperation.objects.exists() and DeadLetter.objects.open().count() == 12


def test_begun_watched_and_ended(operator: APIClient) -> None:
    dead_letter(new_job("note"))
    body = {**WISH, "reason": "provider is back", "rate_per_second": 100, "canary": {"items": 5}}
    answer = operator.post(API, body, HTTP_IDEMPOTENCY_KEY="once")
    assert answer.status_code == 202
    assert answer["Location"].endswith(f"{API}/{answer.json()['id']}")
    again = operator.post(API, body, HTTP_IDEMPOTENCY_KEY="once")
    assert (again.status_code, again.json()["id"]) == (202, answer.json()["id"])
    operation = BulkOperation.objects.get()
    assert (operation.matched, operation.canary, operation.rate_per_second) == (1, 5, 100)
    work(operation)
    told = operator.get(f"{API}/{operation.pk}").json()
    assert (told["state"], told["done"], told["progress"]) == ("completed", 1, 100)
    nothing = dict.fromkeys(("completed", "dead", "failed", "cancelled", "running", "gone"), 0)
    assert told["outcomes"] == {**nothing, "looked_at": 1, "pending": 1}
    listed = operator.get(API).json()["data"]
    assert listed == [{name: told[name] for name in told.keys() - {"selector", "arguments", "outcomes"}}]
    assert operator.get(f"{API}?state=running").json()["data"] == []


def test_what_people_do_to_it(operator: APIClient) -> None:
    operation = begun(operator)
    address = f"{API}/{operation.pk}"
    assert operator.patch(address, {"rate_per_second": 7}).json()["rate_per_second"] == 7
    assert operator.post(f"{address}/pause", {"reason": "lunch"}).json()["state"] == "paused"
    assert operator.post(f"{address}/proceed").json()["state"] == "waiting"
    assert operator.post(f"{address}/cancel", {"reason": "wrong"}).json()["state"] == "cancelled"
    assert problem(operator.post(f"{address}/pause"), 409, "invalid-state")["current_state"] == "cancelled"
    problem(operator.patch(address, {"rate_per_second": 7}), 409, "invalid-state")
    problem(operator.post(f"{address}/again"), 409, "invalid-state")
    acts = AuditEntry.objects.filter(target_id=str(operation.pk)).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["begin", "change rate", "pause", "proceed", "cancel"]


def test_failures_by_pages_as_a_table_and_line_by_line(operator: APIClient) -> None:
    taken = dead_letter(new_job("note", unique_key="=k"))
    new_job("note", unique_key="=k")
    operation = work(begun(operator))
    BulkItem.objects.filter(target_id=taken.pk).update(reason='=HYPERLINK("x"), said "ada"')
    address = f"{API}/{operation.pk}/failures"
    (row,) = operator.get(address).json()["data"]
    assert (row["target_id"], row["outcome"]) == (str(taken.pk), "failed")
    assert operator.get(f"{address}?outcome=skipped").json()["data"] == []
    table = operator.get(f"{address}.csv", HTTP_ACCEPT="text/csv")
    rows = list(csv.DictReader(io.StringIO(table.getvalue().decode())))
    assert rows[0]["reason"] == "'" + row["reason"], "no formula for a spreadsheet"
    lines = operator.get(f"{address}.ndjson").getvalue().decode().splitlines()
    assert json.loads(lines[0])["reason"] == row["reason"]
    Job.objects.filter(unique_key="=k", status="pending").update(status="cancelled")
    second = operator.post(f"{API}/{operation.pk}/again")
    assert (second.status_code, second.json()["again"]) == (202, str(operation.pk))


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"action": "explode"}, "validation", "#/action"),
        ({"action": "cancel"}, "invalid-option", "#/action"),
        ({"selector": {}}, "validation", "#/selector"),
        ({"selector": {"ids": ["x"]}}, "validation", "#/selector/ids/0"),
        ({"selector": {"filter": {"colour": 1}}}, "validation", "#/selector/filter/colour"),
        ({"selector": {"filter": {"q": "status:("}}}, "invalid-option", "#/selector/filter/q"),
        ({"arguments": {"queue": ".."}}, "invalid-option", "#/arguments/queue"),
        ({"rate_per_second": 0}, "validation", "#/rate_per_second"),
        ({"canary": {"items": 0}}, "validation", "#/canary/items"),
    ],
)
def test_what_cannot_be_begun(operator: APIClient, wrong: dict[str, Any], code: str, pointer: str) -> None:
    refused = problem(operator.post(API, {**WISH, **wrong}), 422, code)
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert not BulkOperation.objects.exists()


def test_viewers_read_and_users_do_not(
    client: APIClient, operator: APIClient, client_as: Callable[[Role], APIClient]
) -> None:
    operation, viewer = begun(operator), client_as(Role.VIEWER)
    address = f"{API}/{operation.pk}"
    for path in (API, address, f"{address}/failures", f"{address}/failures.csv", f"{address}/failures.ndjson"):
        problem(client.get(path), 403, "role-missing")
        assert viewer.get(path).status_code == 200
    for act in ("cancel", "pause", "proceed", "again"):
        problem(client.post(f"{address}/{act}"), 403, "role-missing")
        problem(viewer.post(f"{address}/{act}"), 403, "role-missing")
    problem(viewer.patch(address, {"rate_per_second": 1}), 403, "role-missing")
    problem(viewer.post(API, {**WISH, "dry_run": True}), 403, "role-missing")
    problem(operator.get(f"{API}/00000000-0000-7000-8000-000000000000/failures.csv"), 404, "not-found")
