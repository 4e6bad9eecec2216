from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.api import time_limit
from jobs.models import Job
from jobs.statuses import Status
from tests.api_client import problem
from tests.jobs.api.conftest import set_status

Submit = Callable[..., dict[str, Any]]


def ids(client: APIClient, **filters: Any) -> list[str]:
    response = client.get("/api/v1/jobs", filters)
    assert response.status_code == 200, response.content
    return [job["job_id"] for job in response.json()["data"]]


def test_pages_through_jobs_newest_first(client: APIClient, submit: Submit) -> None:
    made = [submit()["job_id"] for _ in range(5)][::-1]
    seen, path = [], "/api/v1/jobs?limit=2&queue=echoes"

    while path:
        response = client.get(path)
        seen += [job["job_id"] for job in response.json()["data"]]
        cursor = response.json()["page"]["next"]
        path = f"/api/v1/jobs?limit=2&queue=echoes&cursor={cursor}" if cursor else ""

    assert seen == made


@pytest.mark.parametrize("cursor", ["x", "a:b:c", "%F0%9F%92%A9", "1" * 5000])
def test_a_wrong_cursor_is_refused(client: APIClient, cursor: str) -> None:
    problem(client.get(f"/api/v1/jobs?cursor={cursor}"), 400, "bad-cursor")


def test_a_cursor_belongs_to_its_filters(client: APIClient, submit: Submit) -> None:
    for _ in range(2):
        submit()
    cursor = client.get("/api/v1/jobs?limit=1").json()["page"]["next"]

    problem(client.get("/api/v1/jobs", {"cursor": cursor, "queue": "echoes"}), 400, "bad-cursor")


def test_filters(client: APIClient, submit: Submit) -> None:
    plain = submit()["job_id"]
    urgent = submit(priority=90, tags=["x", "y"], queue="fast")["job_id"]
    later = submit(delay=3600)["job_id"]
    done = submit()["job_id"]
    set_status(done, Status.COMPLETED)

    assert ids(client) == [done, later, urgent, plain]
    assert ids(client, status="completed") == [done]
    assert ids(client, status=["completed", "pending"]) == [done, later, urgent, plain]
    assert ids(client, status="completed,pending") == [done, later, urgent, plain]
    assert ids(client, queue="fast") == ids(client, priority_min=6) == ids(client, tag="y") == [urgent]
    assert ids(client, priority_max=5, type="echo") == [done, later, plain]
    assert ids(client, job_type="other") == []
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    assert ids(client, scheduled_after=soon) == [later]
    assert ids(client, scheduled_before=soon) == [done, urgent, plain]


def test_windows_of_creation_go_by_the_clock_of_the_database(client: APIClient, submit: Submit) -> None:
    first, second = submit(), submit()

    # An application host's clock, which makes ids, may be off by some seconds.
    boundary = datetime.fromisoformat(second["created_at"])
    Job.objects.filter(pk=second["job_id"]).update(created_at=boundary + timedelta(seconds=5))

    assert ids(client, created_after=first["created_at"]) == [second["job_id"], first["job_id"]]
    assert ids(client, created_before=first["created_at"]) == []
    after = (boundary + timedelta(seconds=5)).astimezone(UTC).isoformat()
    assert ids(client, created_after=after) == [second["job_id"]]
    assert ids(client, created_before=after) == [first["job_id"]]
    for extreme in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "1969-01-01T00:00:00-12:00"):
        assert client.get("/api/v1/jobs", {"created_before": extreme}).status_code in {200, 400}
    assert ids(client, created_after="9999-12-31T23:59:59Z") == []


def test_a_list_gives_the_fields_that_are_asked_for(client: APIClient, submit: Submit) -> None:
    job = submit(payload={"text": "x"}, workspace="w")

    def listed(fields: str) -> Any:
        return client.get("/api/v1/jobs", {"fields": fields}).json()["data"][0]

    small = client.get("/api/v1/jobs").json()["data"][0]
    assert small.keys() == job.keys() - {"payload", "result", "metadata", "error_history"}
    assert listed("job_id,payload") == {"job_id": job["job_id"], "payload": {"text": "x"}}
    assert listed("user_id,workspace,error,parent_id,type") == {
        name: job[name] for name in ("user_id", "workspace", "error", "parent_id", "type")
    }
    everything = ",".join(job)
    assert listed(everything) == job
    answer = problem(client.get("/api/v1/jobs", {"fields": "job_id,secret"}), 400, "invalid-parameter")
    assert answer["errors"][0]["parameter"] == "fields"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("status", ""),
        ("statuss", "pending"),
        ("queue", ["a", "b"]),
        ("queue", "x" * 300),
        ("priority_min", "high"),
        ("priority_min", "-1"),
        ("priority_max", "9" * 400),
        ("created_after", "yesterday"),
        ("created_after", "2026-01-01"),
        ("created_after", "2026-01-01T00:00:00"),
        ("created_before", "0001-01-01T00:00:00+14:00"),
        ("scheduled_after", "2026-13-01T00:00:00Z"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "x"),
        ("fields", ""),
        ("tag", ""),
    ],
)
def test_a_wrong_parameter_is_named(client: APIClient, name: str, value: Any) -> None:
    answer = problem(client.get("/api/v1/jobs", {name: value}), 400, "invalid-parameter")

    assert [error["parameter"] for error in answer["errors"]] == [name]


def test_deleted_jobs_are_not_listed(client: APIClient, submit: Submit) -> None:
    job_id = submit()["job_id"]
    client.delete(f"/api/v1/jobs/{job_id}")

    assert ids(client) == []


@pytest.mark.django_db(transaction=True)
def test_a_search_that_takes_too_long_is_stopped(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "LIST_SECONDS", 0.05)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE job_queue IN ACCESS EXCLUSIVE MODE")
        answer = problem(client.get("/api/v1/jobs"), 422, "query-too-broad")
    finally:
        other.close()

    assert "created_after" in answer["detail"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_another_database_error_is_not_taken_for_a_broad_search(
    client: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def break_down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("config.api.pagination.KeysetPagination.paginate_queryset", break_down)

    problem(client.get("/api/v1/jobs"), 503, "unavailable")
