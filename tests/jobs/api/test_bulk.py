from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from jobs.models import Job
from tests.api_client import problem


def send(client: APIClient, items: list[Any], **body: Any) -> Any:
    return client.post("/api/v1/jobs/bulk", {"items": items, **body})


def test_every_item_has_an_answer_of_its_own(client: APIClient) -> None:
    response = send(
        client,
        [
            {"type": "echo", "payload": {"text": "a"}, "tags": ["t"]},
            {"type": "nobody-does-this"},
            {"type": "echo", "unique_key": "k"},
            {"type": "echo", "unique_key": "k"},
            {"type": "echo", "payload": {"times": "x"}},
            {"type": "echo", "priority": -1},
            {"job_type": "echo", "delay": 60, "workspace": "w"},
        ],
    )

    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["index"] for result in results] == list(range(7))
    assert [result["status"] for result in results] == [
        *("created", "rejected", "created", "duplicate", "rejected", "rejected", "created")
    ]
    assert results[3]["id"] == results[2]["id"]
    assert [results[i]["problem"]["code"] for i in (1, 4, 5)] == ["unknown-job-type", "invalid-payload", "validation"]
    assert results[4]["problem"]["errors"][0]["pointer"] == "#/payload/times"
    stored = {str(job.id): job for job in Job.objects.all()}
    assert set(stored) == {result["id"] for result in results if result["id"]}
    assert stored[results[0]["id"]].tags == ["t"]
    assert stored[results[6]["id"]].workspace.name == "w"


def test_all_or_none(client: APIClient) -> None:
    good = {"type": "echo"}

    wrong_form = problem(send(client, [good, {"type": "echo", "priority": 101}], atomic=True), 422, "validation")
    assert [error["pointer"] for error in wrong_form["errors"]] == ["#/items/1/priority"]
    bad = [good, {"type": "echo", "payload": {"times": "x"}}, {"type": "nobody-does-this"}]
    wrong_payload = problem(send(client, bad, atomic=True), 422, "validation")
    assert [error["pointer"] for error in wrong_payload["errors"]] == ["#/items/1/payload/times", "#/items/2/type"]
    assert not Job.objects.exists()

    assert len(send(client, [good, good], atomic=True).json()["results"]) == 2
    assert Job.objects.count() == 2


def test_a_thousand_jobs_take_few_queries(client: APIClient) -> None:
    items = [{"type": "echo", "payload": {"text": str(i)}} for i in range(1_000)]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = send(client, items)

    assert {result["status"] for result in response.json()["results"]} == {"created"}
    assert [result["id"] for result in response.json()["results"]] == [
        str(id) for id in Job.objects.order_by("id").values_list("id", flat=True)
    ]
    assert len(queries) < 20
    problem(send(client, [*items, items[0]]), 422, "validation")


def test_the_same_idempotency_key_submits_once(client: APIClient) -> None:
    def again() -> Any:
        return client.post("/api/v1/jobs/bulk", {"items": [{"type": "echo"}]}, HTTP_IDEMPOTENCY_KEY="k")

    assert again().json() == again().json()
    assert Job.objects.count() == 1


def test_a_wrong_request_is_no_list_of_wrong_items(client: APIClient) -> None:
    for body in ({}, {"items": []}, {"items": [5]}, {"items": [{"type": "echo"}], "atomic": "yes"}, [], {"jobs": []}):
        problem(client.post("/api/v1/jobs/bulk", body), 422, "validation")
    assert not Job.objects.exists()
