"""A client that talks to the API the way a program does: with a key, through all of the middleware."""

from typing import Any

from rest_framework.test import APIClient

from accounts import keys
from accounts.models import User


def client_of(user: User, **headers: str) -> APIClient:
    """Return a client that sends the user's (new) API key."""
    return with_key(keys.issue(user), **headers)


def with_key(key: str, **headers: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}", **headers)
    return client


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is this problem, complete and without a word about our insides; return its body."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert {"type", "title", "detail", "instance", "request_id"} <= body.keys()
    assert body["request_id"] == response["X-Request-ID"]
    text = response.content.decode()
    assert not any(word in text for word in ("Traceback", "psycopg", "SELECT", "django"))
    return body
