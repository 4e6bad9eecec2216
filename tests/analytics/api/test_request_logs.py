"""GET /api/v1/request-logs: whose rows, which rows, in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.roles import Role
from accounts.uuid7 import first_uuid7, uuid7
from analytics.rows import ErrorRow, error_id, time_of
from analytics.writing import write
from tests.analytics.log_rows import request_row
from tests.api_client import client_of, problem
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
LOGS = "/api/v1/request-logs"


@pytest.fixture
def anna() -> APIClient:
    return client_of(UserFactory(user_id="anna"))


@pytest.fixture
def staff() -> APIClient:
    return client_of(UserFactory(role=Role.VIEWER))


def lay(**columns: Any) -> UUID:
    row = request_row(**{"user_id": "anna", "status_code": 200, **columns})
    write([row])
    return row.id


def listed(client: APIClient, **parameters: Any) -> list[UUID]:
    response = client.get(LOGS, parameters)
    assert response.status_code == 200, response.content
    return [UUID(row["id"]) for row in response.json()["data"]]


class TestList:
    def test_users_see_their_own_and_staff_all_newest_first(self, anna: APIClient, staff: APIClient) -> None:
        mine, others = lay(), lay(user_id="ben")
        assert listed(anna) == [mine]
        assert listed(staff) == [others, mine]

    @pytest.mark.parametrize(
        ("parameters", "columns"),
        [
            ({"language_title": "python-a"}, {"language_title": "python-a"}),
            ({"request_id": "r-7"}, {"request_id": "r-7"}),
            ({"status": "5xx"}, {"status_code": 504}),
            ({"status": "4xx,5xx"}, {"status_code": 499}),
        ],
    )
    def test_filters(self, anna: APIClient, parameters: dict[str, str], columns: dict[str, Any]) -> None:
        lay()
        found = lay(**columns)
        assert listed(anna, **parameters) == [found]

    def test_a_window_of_time(self, anna: APIClient) -> None:
        now = datetime.now(UTC)
        ids = [lay(id=first_uuid7(now - timedelta(minutes=minutes))) for minutes in (30, 20, 10)]
        window = {
            "created_after": time_of(ids[1]).isoformat(timespec="milliseconds"),
            "created_before": time_of(ids[2]).isoformat(timespec="milliseconds"),
        }
        assert listed(anna, **window) == [ids[1]]

    def test_pages_by_key(self, anna: APIClient) -> None:
        ids = [lay() for _ in range(5)][::-1]
        first = anna.get(LOGS, {"limit": 2}).json()
        second = anna.get(LOGS, {"limit": 2, "cursor": first["page"]["next"]}).json()
        assert [UUID(row["id"]) for row in first["data"] + second["data"]] == ids[:4]

    def test_leaves_out_payloads(self, anna: APIClient) -> None:
        lay()
        (row,) = anna.get(LOGS).json()["data"]
        assert row.keys() == {
            *("id", "request_id", "language_title", "timestamp", "client_ip", "user_id"),
            *("status_code", "duration_ms", "cached"),
        }

    @pytest.mark.parametrize("parameters", [{"status": "9xx"}, {"user": "ben"}, {"created_after": "yesterday"}])
    def test_refuses_what_it_does_not_know(self, anna: APIClient, parameters: dict[str, str]) -> None:
        problem(anna.get(LOGS, parameters), 400, "invalid-parameter")


class TestOne:
    def test_with_its_errors(self, anna: APIClient, staff: APIClient) -> None:
        row_id = lay(request_headers='{"method": "POST"}')
        at = datetime.now(UTC)
        context = '{"attempt": 1, "kind": "retryable", "worker": "host:1"}'
        write([ErrorRow(error_id(row_id, 1, at), row_id, at, None, "ValueError", "no", "Traceback …", context)])
        body = staff.get(f"{LOGS}/{row_id}").json()
        assert body["request_headers"] == {"method": "POST"}
        assert body["request_payload"] == {"page": 1}
        (error,) = body["errors"]
        assert (error["error_code"], error["stack_trace"]) == ("ValueError", "Traceback …")
        assert error["context"] == {"attempt": 1, "kind": "retryable", "worker": "host:1"}
        (error,) = anna.get(f"{LOGS}/{row_id}").json()["errors"]
        # Where it ran is nobody's business outside.
        assert (error["error_message"], error["stack_trace"]) == ("no", "")
        assert error["context"] == {"attempt": 1, "kind": "retryable"}

    def test_anothers_is_not_there(self, anna: APIClient) -> None:
        problem(anna.get(f"{LOGS}/{lay(user_id='ben')}"), 404, "not-found")

    @pytest.mark.parametrize(
        "row_id", [uuid7(), UUID(int=2**128 - 1), UUID(int=0), UUID("12345678-1234-4234-8234-123456789012")]
    )
    def test_an_id_of_nothing_or_of_no_time(self, anna: APIClient, row_id: UUID) -> None:
        problem(anna.get(f"{LOGS}/{row_id}"), 404, "not-found")
