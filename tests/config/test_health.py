import pytest
from django.db import connection
from rest_framework.test import APIClient

from config import health
from tests.api_client import problem


def test_ready_when_the_database_answers_and_has_its_migrations(db: None) -> None:
    for path in ("/health", "/health/ready"):
        answer = APIClient().get(path)
        assert answer.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}


def test_not_ready_while_migrations_are_missing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'jobs'")

    response = APIClient().get("/health/ready")

    assert problem(response, 503, "unavailable")["checks"] == {"database": "ok", "migrations": "pending"}
    assert int(response["Retry-After"]) > 0


def test_alive_without_a_database() -> None:
    # Without the fixture db this test may not touch the database.
    assert APIClient().get("/health/live").json() == {"status": "ok"}
