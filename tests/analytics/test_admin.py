"""The request log in the console: for reading only, found by whole ids, bounded however long it is."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.roles import Role
from accounts.uuid7 import uuid7
from analytics.models import ErrorLog
from analytics.partitions import alias
from analytics.rows import ErrorRow, error_id
from analytics.writing import write
from jobs.models import AuditEntry, Job
from jobs.secret_fields import MASK
from tests.analytics.log_rows import request_row
from tests.factories import UserFactory
from tests.jobs.secretive import SECRET, secretive

pytestmark = pytest.mark.django_db
LIST = "admin:analytics_requestlog_changelist"
ERRORS = "admin:analytics_errorlog_changelist"


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(UserFactory(role=Role.VIEWER))
    return client


@pytest.fixture
def row() -> UUID:
    job = Job.objects.create(job_type="note", request_id="r-1")
    at = datetime.now(UTC)
    write(
        [
            request_row(id=job.pk, request_id="r-1", user_id="anna", status_code=500, request_payload='{"a": "<b>"}'),
            ErrorRow(
                error_id(job.pk, 1, at), job.pk, at, None, "ValueError", "no <i>", "Traceback …", '{"attempt": 1}'
            ),
        ]
    )
    return job.pk


def page(client: Client, name: str, *arguments: Any, **parameters: str) -> str:
    response = client.get(reverse(name, args=arguments), parameters)
    assert response.status_code == 200, response
    return response.content.decode()


def test_a_page_shows_all_of_a_request_and_leads_to_its_job_and_errors(desk: Client, row: UUID) -> None:
    text = page(desk, "admin:analytics_requestlog_change", row)
    assert reverse("admin:jobs_job_change", args=[row]) in text
    assert "&lt;b&gt;" in text
    error = reverse("admin:analytics_errorlog_change", args=[write_error_id(row)])
    assert error in text
    told = desk.get(error).content.decode()
    assert "no &lt;i&gt;" in told
    assert "Traceback …" in told
    assert reverse("admin:analytics_requestlog_change", args=[row]) in told


def write_error_id(row: UUID) -> UUID:
    return ErrorLog.objects.get(request_log_id=row).pk


@pytest.mark.parametrize("term", [lambda row: str(row), lambda row: "r-1"])
def test_search_by_whole_ids(desk: Client, row: UUID, term: Callable[[UUID], str]) -> None:
    other = uuid7()
    write([request_row(id=other)])
    text = page(desk, LIST, q=term(row))
    assert str(row) in text
    assert str(other) not in text


@pytest.mark.parametrize("term", ["nothing", str(UUID(int=2**128 - 1)), "%"])
def test_search_for_what_is_not_there(desk: Client, row: UUID, term: str) -> None:
    assert str(row) not in page(desk, LIST, q=term)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"status": "5xx"}, True),
        ({"status": "2xx"}, False),
        ({"status": "open"}, False),
        ({"function": "python-note"}, True),
        ({"function": "python-other"}, False),
        ({"window": "1h"}, True),
    ],
)
def test_filters(desk: Client, row: UUID, filters: dict[str, str], found: bool) -> None:
    assert (str(row) in page(desk, LIST, **filters)) == found


def test_errors_are_found_by_class_and_by_request(desk: Client, row: UUID) -> None:
    error = str(write_error_id(row))
    assert error in page(desk, ERRORS, code="ValueError")
    assert error in page(desk, ERRORS, q=str(row))
    assert error not in page(desk, ERRORS, q="KeyError")


def test_nothing_can_be_changed(desk: Client, row: UUID) -> None:
    address = reverse("admin:analytics_requestlog_change", args=[row])
    assert desk.post(address).status_code in (403, 405)
    assert desk.post(f"{address.removesuffix('change/')}delete/").status_code == 403
    assert desk.get(reverse("admin:analytics_requestlog_add")).status_code == 403


def test_lists_count_no_further_than_the_cap(desk: Client, row: UUID) -> None:
    with CaptureQueriesContext(connections[alias()]) as asked:
        page(desk, LIST)
    counts = [query["sql"] for query in asked if "COUNT" in query["sql"] and "request_logs" in query["sql"]]
    assert counts
    assert all("LIMIT 10001" in sql for sql in counts)


def test_requests_are_found_by_user_status_code_and_time(desk: Client, row: UUID) -> None:
    other = uuid7()
    write([request_row(id=other, user_id="ben", status_code=404)])
    for query, hit, missed in (
        ({"user": "anna"}, row, other),
        ({"user": "ben", "code": "404"}, other, row),
        ({"code": "500", "until": "2099-01-01T00:00"}, row, other),
    ):
        text = page(desk, LIST, **query)
        assert str(hit) in text
        assert str(missed) not in text
    for nothing in ({"since": "2099-01-01T00:00"}, {"code": "²"}, {"user": "an"}):
        assert str(row) not in page(desk, LIST, **nothing)


def test_a_request_can_be_repeated_in_a_shell_without_what_is_secret(desk: Client) -> None:
    with secretive() as kind:
        row = uuid7()
        # As it was kept before the field was marked.
        payload = json.dumps({"token": SECRET, "url": "it's"})
        write([request_row(id=row, language_title=f"python-{kind}", request_payload=payload)])
        answer = desk.get(reverse("admin:analytics_requestlog_change", args=[row]))
    command = shlex.split(answer.context["curl"])
    assert command[3] == f"http://testserver/api/v1/functions/python-{kind}/invoke"
    assert json.loads(command[-1]) == {"token": MASK, "url": "it's"}
    assert SECRET not in answer.content.decode()


def test_what_is_found_is_taken_as_a_file(desk: Client, row: UUID) -> None:
    write([request_row(user_id="ben")])
    answer = desk.post(reverse("admin:analytics_requestlog_export") + "?user=anna", {"format": "ndjson"})
    lines = [json.loads(line) for line in answer.getvalue().decode().splitlines()]  # type: ignore[attr-defined]
    assert [line["request_id"] for line in lines] == ["r-1"]
    assert AuditEntry.objects.get(action="export").details["query"] == "user=anna"
