"""What the log says of requests, as the API's own views report them."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from analytics.rows import RequestRow, json_text
from jobs import catalogue
from jobs.registry import JobType, registry
from jobs.scrubbing import TRUNCATED
from tests.api_client import client_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
JOBS = "/api/v1/jobs"


def take(ctx: Any, text: str = "", times: int = 1) -> str:
    """Take a text."""
    return text * times


@pytest.fixture(autouse=True)
def take_type() -> Iterator[None]:
    registry.add(JobType("take", take))
    yield
    registry.remove("take")
    catalogue.forget()


@pytest.fixture
def user() -> User:
    return UserFactory(user_id="anna")


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


@pytest.fixture
def one(recorded_rows: list[Any]) -> Callable[[], RequestRow]:
    def only() -> RequestRow:
        (row,) = recorded_rows
        assert isinstance(row, RequestRow)
        return row

    return only


def json_of(text: str | None) -> Any:
    return json.loads(text or "null")


class TestSubmitting:
    def test_a_job_is_one_open_row_with_its_id(self, client: APIClient, one: Callable[[], RequestRow]) -> None:
        response = client.post(
            JOBS, {"job_type": "take", "payload": {"text": "x"}}, HTTP_X_REQUEST_ID="r-1", HTTP_USER_AGENT="relay/1.0"
        )
        row = one()
        assert (response.status_code, row.status_code) == (201, 201)
        assert row.id == UUID(response.json()["job_id"])
        assert (row.request_id, row.user_id, row.language_title) == ("r-1", "anna", "python-take")
        assert (row.client_ip, row.cached, row.response_payload) == ("127.0.0.1", False, None)
        assert json_of(row.request_payload) == {"text": "x"}
        headers = json_of(row.request_headers)
        assert (headers["method"], headers["user-agent"]) == ("POST", "relay/1.0")
        assert headers["authorization"] == "[redacted]"

    def test_many_are_a_row_each_with_an_answer_each(self, client: APIClient, recorded_rows: list[Any]) -> None:
        good = {"job_type": "take", "payload": {"text": "x"}, "unique_key": "u"}
        response = client.post(f"{JOBS}/bulk", {"items": [good, good, {"job_type": "take", "payload": {"text": 1}}]})
        results = response.json()["results"]
        assert [row.status_code for row in recorded_rows] == [201, 200, 422]
        assert recorded_rows[0].id == UUID(results[0]["id"])
        assert recorded_rows[1].id != UUID(results[1]["id"])
        assert json_of(recorded_rows[1].runtime_metrics) == {"shared_job": results[1]["id"]}
        assert json_of(recorded_rows[2].error_details)["code"] == "invalid-payload"

    def test_a_refused_one_is_final(self, client: APIClient, one: Callable[[], RequestRow]) -> None:
        assert client.post(JOBS, {"job_type": "take", "payload": {"times": "x"}}).status_code == 422
        row = one()
        assert row.status_code == 422
        assert json_of(row.error_details)["code"] == "invalid-payload"
        assert json_of(row.request_payload) == {"times": "x"}

    def test_reading_is_no_call(self, client: APIClient, recorded_rows: list[Any]) -> None:
        client.get(JOBS)
        client.get("/health/live")
        assert recorded_rows == []


class TestPayloads:
    def test_large_ones_are_cut(self, client: APIClient, one: Callable[[], RequestRow], settings: Any) -> None:
        settings.LOG_PAYLOAD_MAX_BYTES = 100
        client.post(JOBS, {"job_type": "take", "payload": {"text": "x" * 5000}})
        assert len(one().request_payload or "") < 150
        assert TRUNCATED in (one().request_payload or "")

    def test_none_are_kept_if_told_so(self, client: APIClient, one: Callable[[], RequestRow], settings: Any) -> None:
        settings.LOG_PAYLOAD_MAX_BYTES = 0
        client.post(JOBS, {"job_type": "take", "payload": {"text": "x"}})
        assert one().request_payload is None


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", float("nan"), float("inf"), {"a\x00": object()}, [1e308], 10**400]
)
def test_postgresql_takes_whatever_a_payload_holds(value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb IS NOT NULL", [json_text(value)])
        assert cursor.fetchone() == (True,)


class TestAddress:
    def test_a_proxys_word_counts_only_behind_a_proxy(
        self, client: APIClient, recorded_rows: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def submit() -> str:
            client.post(JOBS, {"job_type": "take"}, HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.7")
            return str(recorded_rows.pop().client_ip)

        assert submit() == "127.0.0.1"
        monkeypatch.setattr("accounts.rate_limits.api_settings.NUM_PROXIES", 1)
        assert submit() == "198.51.100.7"


def test_an_answer_goes_out_whatever_the_log_does(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("analytics.middleware.rows_of", fail)
    assert client.post(JOBS, {"job_type": "take"}).status_code == 201
    assert "cannot be logged" in caplog.text


@pytest.mark.parametrize("sent", ["ghp_0123456789abcdef0123", "ekiden_live_0123456789abcdef"])
def test_a_key_is_no_request_id(client: APIClient, one: Callable[[], RequestRow], sent: str) -> None:
    response = client.post(JOBS, {"job_type": "take"}, HTTP_X_REQUEST_ID=sent)
    assert response["X-Request-ID"] == one().request_id != sent
