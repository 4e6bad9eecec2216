import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from config import health
from config.routers import LOGS
from tests.api_client import problem


def test_ready_when_the_database_answers_and_has_its_migrations(db: None) -> None:
    for path in ("/health", "/health/ready"):
        answer = APIClient().get(path)
        apart = {"logs_database": "ok", "logs_migrations": "ok"} if LOGS in connections else {}
        assert answer.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok", **apart}}


@pytest.mark.skipif(LOGS in connections, reason="not for a run that needs the logs database afterwards")
def test_serves_on_while_the_logs_database_is_away(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {**connection.settings_dict, "PORT": "1"}
    monkeypatch.setitem(connections.settings, LOGS, nowhere)
    broken = connections.create_connection(LOGS)
    # By its own name the tests would not let it try to connect.
    broken.alias = connection.alias
    monkeypatch.setattr(connections._connections, LOGS, broken, raising=False)
    response = APIClient().get("/health/ready")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["checks"]["logs_database"] == "unreachable"


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
