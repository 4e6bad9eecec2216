from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from accounts.roles import Role
from tests.analytics.rows import Failure, Request, lay, roll_up, sql
from tests.api_client import client_of
from tests.factories import UserFactory

#: Well in the past, so that nothing of it is about to change.
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 4
END = BEGIN + timedelta(days=DAYS)
FUNCTIONS = ("python-summarize", "node-thumbnail", "go-resize")
TABLES = (
    *("request_logs", "error_logs", "usage_hours", "usage_days", "error_hours", "error_days"),
    *("rollup_state", "late_hours", "runtime_metrics", "cache_metrics"),
)
USERS = ("mei.tanaka", "hana.sato")


@dataclass
class Trace:
    requests: list[Request]

    def of(self, **wanted: str) -> list[Request]:
        return [each for each in self.requests if all(getattr(each, name) == wanted[name] for name in wanted)]


def made(random: Random, at: datetime) -> Request:
    cached = random.random() < 0.2
    status = random.choices((200, 400, 500), (90, 4, 6))[0]
    failures = (Failure(random.choice(("TimeoutError", "ValueError"))),) if status == 500 else ()
    return Request(
        at,
        language_title=random.choices(FUNCTIONS, (6, 3, 1))[0],
        user_id=random.choice(USERS),
        status_code=status,
        duration_ms=int(random.lognormvariate(1 if cached else 5, 1)),
        cached=cached,
        runtime_metrics={"memory_usage_mb": 50 + random.random(), "cpu_usage_percent": 20.0},
        failures=failures,
    )


@pytest.fixture(autouse=True)
def hours_are_kept(settings: Any) -> None:
    """The days of these tests are of old, and their hours are still there."""
    settings.ANALYTICS_HOURLY_DAYS = 3660


@pytest.fixture(scope="module")
def trace(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Trace]:
    """Four days of requests of two users, rolled up; there are fewer of them on the first days than on the last."""
    random = Random(20260302)
    span = timedelta(days=DAYS).total_seconds()
    moments = [BEGIN + timedelta(seconds=span * random.random() ** 0.6) for _ in range(400)]
    found = Trace([made(random, at) for at in sorted(moments)])
    with django_db_blocker.unblock():
        lay(found.requests)
        roll_up(END + timedelta(hours=1))
        yield found
        sql(f"TRUNCATE {', '.join(TABLES)}")


@pytest.fixture
def nothing(db: None) -> None:
    """Start from an empty log, whatever the other tests of the module look at."""
    for table in TABLES:
        sql(f"DELETE FROM {table}")


@pytest.fixture
def ask(db: None) -> Callable[..., Any]:
    """Ask a report about the four days, as an operator unless another client is given."""
    operator = client_of(UserFactory(user_id="the-operator", role=Role.OPERATOR))

    def ask(report: str, client: APIClient = operator, **parameters: str) -> Any:
        window = {} if "range" in parameters else {"from": iso(BEGIN), "to": iso(END)}
        response = client.get(f"/api/v1/analytics/{report}", {**window, **parameters})
        assert response.status_code == 200, response.content
        return response.json() if response["Content-Type"] == "application/json" else response

    return ask


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
