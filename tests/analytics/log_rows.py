"""Lawful rows of the request log."""

from typing import Any

from accounts.uuid7 import uuid7
from analytics.rows import OutcomeRow, RequestRow


def request_row(**columns: Any) -> RequestRow:
    return RequestRow(
        **{
            "id": uuid7(),
            "request_id": "a-request",
            "language_title": "python-note",
            "client_ip": "192.0.2.1",
            "user_id": "",
            "request_headers": "{}",
            "request_payload": '{"page": 1}',
            "response_payload": None,
            "status_code": 201,
            "duration_ms": 7,
            "cached": False,
            **columns,
        }
    )


def outcome_row(**columns: Any) -> OutcomeRow:
    return OutcomeRow(
        **{
            "id": uuid7(),
            "request_id": "a-request",
            "language_title": "python-note",
            "user_pk": None,
            "response_payload": '{"done": true}',
            "status_code": 200,
            "duration_ms": 1234,
            "error_details": None,
            "runtime_metrics": None,
            **columns,
        }
    )
