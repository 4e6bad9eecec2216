from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse
from rest_framework.test import APIClient

from accounts.redis_link import link_to
from accounts.roles import Role
from jobs import dead_letters, queues
from jobs.api.metrics import collector
from jobs.models import (
    Chore,
    DailySpend,
    EventCount,
    Job,
    OutcomeCounter,
    ProcessingLock,
    ProviderDay,
    ProviderState,
    SearchIndex,
    SearchRejection,
    SearchSlot,
    SearchTombstone,
    Supervisor,
    WebhookEvent,
    Worker,
)
from jobs.models.columns import uuid7
from jobs.models.search_slot import SLOTS
from jobs.outcomes import Attempt, Completed
from jobs.search import counts
from jobs.search.engine import link
from jobs.search.engine.circuit import FAILURES
from jobs.search.engine.failures import EngineAway
from jobs.webhooks import endpoints
from jobs.worker.counting import Counts
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


def counted_over_processes() -> None:
    """What two workers have counted, each in its own memory, and the database by itself."""
    # What tests that commit have left there.
    EventCount.objects.all().delete()
    for waited in (0.02, 2.0):
        counts = Counts()
        attempt = Attempt("job", 7, "echo", "echoes", 5, "{}", 1, 0, 3, None, 0.0, waited=waited)
        limited = Attempt("job", 8, "echo", "echoes", 5, "{}", 1, 0, 3, None, 0.0, waited=50.0, limited=True)
        counts.claimed([attempt, limited], woken=True)
        counts.claimed([attempt], woken=False)
        counts.renewed([attempt, attempt])
        counts.lost([attempt])
        counts.workers_lost(1)
        counts.flush()
        counts.flush()


def test_what_workers_count_is_added_up(db: None, operator: APIClient) -> None:
    counted_over_processes()
    before = samples(scrape(operator))
    EventCount.objects.fold()
    collector.forget()
    found = samples(scrape(operator))

    assert (
        found.items()
        >= {
            ("ekiden_queue_wait_seconds_count", "echoes"): 6,
            ("ekiden_queue_wait_seconds_bucket", "0.025", "echoes"): 2,
            ("ekiden_queue_wait_seconds_bucket", "2.5", "echoes"): 4,
            ("ekiden_queue_wait_seconds_bucket", "+Inf", "echoes"): 6,
            ("ekiden_wakeup_lag_seconds_count", "echoes"): 2,
            ("ekiden_wakeup_lag_seconds_sum", "echoes"): 2.02,
            ("ekiden_lock_renewals_total", "echo", "echoes"): 4,
            ("ekiden_locks_lost_total", "echo", "echoes"): 2,
            ("ekiden_workers_lost_total",): 2,
        }.items()
    )
    assert {name: value for name, value in before.items() if "_total" in name[0]}.items() <= found.items(), "folded"
    # Seven rows were added; there is one for each thing counted now.
    assert EventCount.objects.count() == 3


def test_names_without_end_are_folded_into_one(db: None, monkeypatch: pytest.MonkeyPatch, operator: APIClient) -> None:
    EventCount.objects.all().delete()
    monkeypatch.setattr("jobs.worker.counting.MOST_ROWS", 3)
    monkeypatch.setattr("jobs.models.event_count.MOST_ROWS", 3)
    monkeypatch.setattr("jobs.api.metrics.queues.MOST", 3)
    counts = Counts()
    for n in range(8):
        attempt = Attempt("job", 7, "echo", f"tenant-{n}", 5, "{}", 1, 0, 3, None, 0.0, waited=0.1)
        for _ in range(10 - n):
            counts.claimed([attempt], woken=False)
            counts.lost([attempt])
            counts.add([(attempt, Completed(None))])
        Job.objects.bulk_create([Job(job_type="echo", queue=attempt.queue) for _ in range(10 - n)])
    counts.flush()
    counts.add([(attempt, Completed(None))])
    counts.flush()
    EventCount.objects.fold()

    found = samples(scrape(operator))
    of_others = {name: value for name, value in found.items() if "_other" in name}
    assert (
        of_others.items()
        >= {
            ("ekiden_queue_wait_seconds_count", "_other"): sum(10 - n for n in range(3, 8)),
            ("ekiden_attempts_total", "_other", "completed", "_other"): sum(10 - n for n in range(3, 8)) + 1,
            ("ekiden_locks_lost_total", "_other", "_other"): sum(10 - n for n in range(3, 8)),
            ("ekiden_queue_depth", "_other"): sum(10 - n for n in range(3, 8)),
        }.items()
    )
    assert len({name[1] for name in found if name[0] == "ekiden_queue_depth"}) == 4


def test_rescues_and_dead_letters_are_counted_by_the_database(
    submit: Callable[..., dict[str, Any]], operator: APIClient
) -> None:
    letters = [bury(submit()["job_id"]) for _ in range(3)]
    dead_letters.discard(letters[0].pk, None, "no use")
    dead_letters.redrive(letters[1].pk, None)
    lost = Job.objects.create(job_type="echo", queue="echoes", status="processing", started_at=timezone.now())
    ProcessingLock.objects.create(job=lost, worker_id="gone", expires_at=timezone.now() - timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT cleanup_expired_locks(), cleanup_expired_locks()")
        assert cursor.fetchone() == (1, 0)

    assert (
        samples(scrape(operator)).items()
        >= {
            ("ekiden_dead_letters_total", "echo"): 3,
            ("ekiden_dead_letters_settled_total", "echo", "discarded"): 1,
            ("ekiden_dead_letters_settled_total", "echo", "redriven"): 1,
            ("ekiden_dead_letters_open", "echo"): 1,
            ("ekiden_jobs_rescued_total", "echo", "echoes"): 1,
        }.items()
    )


def test_tells_of_providers_supervisors_and_upkeep(db: None, settings: Any, operator: APIClient) -> None:
    settings.AI_DAILY_SPEND_LIMIT = 2
    for _ in range(2):
        ProviderDay.objects.count_call(
            "groq", "answered", input_tokens=100, output_tokens=10, cost=Decimal("0.25"), seconds=1.5
        )
    ProviderDay.objects.count_call("groq", "failed", seconds=1.0)
    ProviderDay.objects.count_fallback("groq", "failed")
    now = timezone.now()
    ProviderState.objects.create(name="groq", open_until=now + timedelta(minutes=1))
    ProviderState.objects.create(name="claude", open_until=now - timedelta(minutes=1))
    DailySpend.objects.create(user=None, day=now.astimezone(UTC).date(), amount=Decimal("1.5"))
    supervisor = {"hostname": "h", "pid": 1, "least": 1, "most": 10, "target": 4, "actual": 3, "draining": 1}
    Supervisor.objects.create(id="a", **supervisor)
    Supervisor.objects.create(id="b", **supervisor)
    Supervisor.objects.create(id="c", heartbeat_at=now - timedelta(hours=1), **supervisor)
    Chore.objects.update_or_create(name="late", defaults={"due_at": now - timedelta(hours=2)})

    text = scrape(operator, HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")
    found = samples(text, parse_open)
    assert (
        found.items()
        >= {
            ("ekiden_provider_calls_total", "answered", "groq"): 2,
            ("ekiden_provider_calls_total", "failed", "groq"): 1,
            ("ekiden_provider_fallbacks_total", "groq"): 1,
            ("ekiden_provider_tokens_total", "input", "groq"): 200,
            ("ekiden_provider_tokens_total", "output", "groq"): 20,
            ("ekiden_provider_cost_dollars_total", "groq"): 0.5,
            ("ekiden_provider_call_seconds_total", "groq"): 4,
            ("ekiden_provider_circuit_open", "groq"): 1,
            ("ekiden_provider_circuit_open", "claude"): 0,
            ("ekiden_provider_spend_of_one_user_dollars",): 1.5,
            ("ekiden_provider_spend_limit_dollars",): 2,
            ("ekiden_autoscale_processes", "most"): 20,
            ("ekiden_autoscale_processes", "actual"): 6,
        }.items()
    )
    assert 7200 <= found["ekiden_chore_overdue_seconds", "late"] < 7300
    assert ("ekiden_table_dead_rows", "job_queue") in found


def test_redis_is_counted_over_processes(db: None, settings: Any, operator: APIClient) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/3"
    link = link_to(settings.REDIS_URL)
    link.state.up, link.state.losses = False, 2
    link.state.fallbacks["wake-ups"] = 5
    EventCount.objects.note([("redis_loss", "", "", 3)])

    for _ in range(2):
        collector.forget()
        found = samples(scrape(operator))
    assert (
        found.items()
        >= {
            ("ekiden_redis_up",): 0,
            ("ekiden_redis_losses_total",): 5,
            ("ekiden_redis_refusals_total",): 0,
            ("ekiden_redis_fallbacks_total", "wake-ups"): 5,
        }.items()
    )


def test_search_is_told_once_it_is_enabled(
    db: None, settings: Any, operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests before this one have searched, too.
    monkeypatch.setattr(counts, "_news", type(counts._news)())
    EventCount.objects.filter(name__startswith="search_").delete()

    def told() -> Samples:
        collector.forget()
        return {key: value for key, value in samples(scrape(operator)).items() if key[0].startswith("ekiden_search")}

    settings.ELASTICSEARCH_URLS = []
    row = SearchIndex.objects.create(name="jobs-000001", mapping_version=1)
    EventCount.objects.note([("search_answered:postgresql", "", "", 3)])
    assert told() == {}
    settings.ELASTICSEARCH_URLS = ["http://127.0.0.1:9"]
    row.delete()
    counts.count(counts.ANSWERED, "postgresql", 2)
    counts.count(counts.FELL_BACK, "timeout")
    counts.count(counts.SENT, "taken", 40)
    counts.count(counts.FAILED, "429")
    counted = {
        ("ekiden_searches_total", "postgresql"): 5,
        ("ekiden_search_fallbacks_total", "timeout"): 1,
        ("ekiden_search_sent_total", "taken"): 40,
        ("ekiden_search_failures_total", "429"): 1,
        ("ekiden_search_circuit_open",): 0,
    }
    assert told() == counted
    circuit = link.circuit()
    assert circuit is not None
    for _ in range(FAILURES):
        with pytest.raises(EngineAway):
            circuit.run(link.engine().info)
    counted["ekiden_search_circuit_open",] = 1
    assert told() == counted

    now = timezone.now()
    SearchIndex.objects.create(
        name="jobs-000001",
        mapping_version=1,
        state="serving",
        serving_since=now,
        reconciled_at=now,
        missing=3,
        stale=0,
        drifting_runs=2,
    )
    SearchIndex.objects.create(name="jobs-000002", mapping_version=1)
    SearchSlot.objects.bulk_create([SearchSlot(number=number) for number in range(SLOTS)])
    Job.objects.bulk_create([Job(job_type="echo") for _ in range(7)])
    SearchTombstone.objects.create(job_id=uuid7(), version=2, deleted_at=now - timedelta(seconds=90))
    SearchRejection.objects.create(job_id=uuid7(), version=2, error_message="too long", retry_at=now)
    found = told()
    assert 90 < found.pop(("ekiden_search_lag_seconds",)) < 150
    assert found == counted | {
        ("ekiden_search_dirty_jobs",): 7,
        ("ekiden_search_tombstones",): 1,
        ("ekiden_search_rejections",): 1,
        ("ekiden_search_indexes", "building"): 1,
        ("ekiden_search_indexes", "serving"): 1,
        ("ekiden_search_indexes", "retired"): 0,
        ("ekiden_search_drift", "missing"): 3,
        ("ekiden_search_drift", "stale"): 0,
        ("ekiden_search_drift", "orphaned"): 0,
        ("ekiden_search_drifting_runs",): 2,
        ("ekiden_search_reconciled_timestamp_seconds",): pytest.approx(now.timestamp()),
    }


def test_webhooks(user, operator):
    endpoint = endpoints.create(user, url="https://hooks.example.org/", events=["job.failed"])
    endpoints.send_test(endpoint.pk, user)
    WebhookEvent.objects.create(type="job.failed", data={})
    found = samples(scrape(operator))
    assert found["ekiden_webhook_endpoints", "active"] == 1
    assert found["ekiden_webhook_endpoints", "failing"] == 0
    assert found["ekiden_webhook_deliveries_waiting",] == 1
    assert found["ekiden_webhook_events_waiting",] == 1
