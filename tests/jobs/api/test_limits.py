from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.api_client import problem


def test_a_job_with_limits(client: APIClient) -> None:
    moment = (timezone.now() + timedelta(days=1)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    limits = {"concurrency_key": "tenant:7", "concurrency_limit": 3, "rate_limit": "10/30s", "expires_at": moment}
    answer = client.post("/api/v1/jobs", {"type": "echo", **limits})
    assert answer.status_code == 201
    assert answer.json().items() >= limits.items()


def test_a_key_alone_is_one_at_a_time(client: APIClient) -> None:
    answer = client.post("/api/v1/jobs", {"type": "echo", "concurrency_key": "tenant:7"}).json()
    assert (answer["concurrency_limit"], answer["rate_limit"]) == (1, None)


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"concurrency_limit": 2}, "concurrency_limit"),
        ({"rate_limit": "60/m"}, "rate_limit"),
        ({"concurrency_key": "k", "concurrency_limit": 0}, "concurrency_limit"),
        ({"concurrency_key": "k", "rate_limit": "often"}, "rate_limit"),
        ({"concurrency_key": "k", "rate_limit": "1/32d"}, "rate_limit"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_limits_that_are_none(choice: dict[str, Any], name: str, client: APIClient) -> None:
    body = problem(client.post("/api/v1/jobs", {"type": "echo", **choice}), 422, "validation")
    assert body["errors"][0]["pointer"] == f"#/{name}"


def test_an_expiry_far_ahead_is_refused(client: APIClient) -> None:
    body = {"type": "echo", "expires_at": (timezone.now() + timedelta(days=800)).isoformat()}
    assert client.post("/api/v1/jobs", body).status_code == 422
