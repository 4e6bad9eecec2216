from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse
from rest_framework.test import APIClient

from accounts.roles import Role
from jobs import queues
from jobs.api.metrics import collector
from jobs.models import OutcomeCounter, Worker
from tests.api_client import problem
from tests.jobs.api.conftest import bury

Samples = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    collector.forget()
    yield
    collector.forget()


def samples(text: str, read: Any = parse) -> Samples:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in read(text)
        for sample in family.samples
    }


def scrape(client: APIClient, **headers: str) -> str:
    response = client.get("/metrics", **headers)
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def test_counts_queues_attempts_workers_and_dead_letters(
    db: None, submit: Callable[..., dict[str, Any]], operator: APIClient
) -> None:
    submit()
    bury(submit()["job_id"])
    buckets = [2, 1, *[0] * 14, 1]
    OutcomeCounter.objects.create(
        queue="echoes", job_type="echo", outcome="completed", count=3, run_seconds=400, histogram=buckets
    )
    OutcomeCounter.objects.create(
        queue="echoes", job_type="echo", outcome="retry", count=1, run_seconds=1, histogram=buckets
    )
    now = timezone.now()
    worker = {"hostname": "h", "pid": 1, "queues": [], "job_types": []}
    Worker.objects.create(id="a", concurrency=5, running=2, **worker)
    Worker.objects.create(id="silent", concurrency=5, running=2, heartbeat_at=now - timedelta(hours=1), **worker)
    Worker.objects.create(id="over", concurrency=5, running=2, stopped_at=now, **worker)
    queues.pause("closed", None)

    found = samples(scrape(operator))

    assert (
        found.items()
        >= {
            ("ekiden_queue_depth", "echoes"): 1,
            ("ekiden_queue_processing", "echoes"): 0,
            ("ekiden_queue_paused", "echoes"): 0,
            ("ekiden_queue_paused", "closed"): 1,
            ("ekiden_attempts_total", "echo", "completed", "echoes"): 3,
            ("ekiden_attempts_total", "echo", "retry", "echoes"): 1,
            ("ekiden_run_seconds_bucket", "echo", "0.005", "echoes"): 4,
            ("ekiden_run_seconds_bucket", "echo", "0.01", "echoes"): 6,
            ("ekiden_run_seconds_bucket", "echo", "300.0", "echoes"): 6,
            ("ekiden_run_seconds_bucket", "echo", "+Inf", "echoes"): 8,
            ("ekiden_run_seconds_count", "echo", "echoes"): 8,
            ("ekiden_run_seconds_sum", "echo", "echoes"): 401,
            ("ekiden_workers",): 1,
            ("ekiden_worker_slots",): 5,
            ("ekiden_worker_slots_used",): 2,
            ("ekiden_dead_letters_open", "echo"): 1,
        }.items()
    )
    assert found["ekiden_queue_oldest_age_seconds", "echoes"] >= 0


def test_openmetrics_for_those_who_accept_it(operator: APIClient) -> None:
    text = scrape(operator, HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")

    assert samples(text, parse_open)[("ekiden_workers",)] == 0


def test_no_scrape_within_the_cache_time_asks_the_database(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scrape(operator)
    monkeypatch.setattr(queues, "snapshot", lambda: pytest.fail("asked again"))

    assert scrape(operator) == first


def test_who_may_scrape(client: APIClient, client_as: Callable[[Role], APIClient], settings: Any) -> None:
    stranger = APIClient(raise_request_exception=False)
    away = {"REMOTE_ADDR": "192.0.2.1"}

    scrape(stranger)
    scrape(client_as(Role.VIEWER), **away)
    problem(stranger.get("/metrics", **away), 401, "not-authenticated")
    problem(stranger.get("/metrics", REMOTE_ADDR="unix"), 401, "not-authenticated")
    problem(stranger.get("/metrics", HTTP_X_FORWARDED_FOR="192.0.2.1"), 401, "not-authenticated")
    problem(client.get("/metrics", **away), 403, "permission-denied")
    settings.METRICS_PUBLIC = True
    scrape(stranger, **away)
