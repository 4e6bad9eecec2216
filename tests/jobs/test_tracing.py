"""What travels with a job so that its attempts belong to the trace it was submitted in, however it was submitted."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from config.telemetry.tracer import OpenTelemetryTracer
from jobs import current, tracing
from jobs.context import Context
from jobs.enqueue import NewJob, enqueue, enqueue_many
from jobs.exceptions import UniqueKeyTaken
from jobs.execution import failure
from jobs.models import Job
from jobs.outcomes import Attempt
from jobs.scheduling.firing import fire_due
from jobs.testing import run_job
from jobs.uniqueness import Unique
from tests.jobs.scheduling.rows import DAILY, NOON, awaiting, made

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(OpenTelemetryTracer(provider, lambda: None))
    yield exporter
    tracing.use(None)


def context_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"


def spans(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


@pytest.mark.django_db
def test_without_a_tracer_a_job_has_no_trace(note: Any) -> None:
    job = enqueue("note", {}).fetch()
    assert (job.traceparent, job.trace_id) == (None, None)


@pytest.mark.django_db
def test_one_submission_is_one_span_however_many_jobs_it_has(note: Any, exported: InMemorySpanExporter) -> None:
    single = enqueue("note", {}).fetch()
    many = [one.fetch() for one in enqueue_many([NewJob("note", {"n": n}) for n in range(3)])]

    first, second = spans(exported)
    assert single.traceparent == context_of(first) and single.trace_id == f"{first.context.trace_id:032x}"  # type: ignore[union-attr]
    assert {job.traceparent for job in many} == {context_of(second)} != {single.traceparent}
    assert first.attributes is not None and second.attributes is not None
    assert first.name == "send default" and first.attributes["messaging.message.id"] == str(single.pk)
    assert second.attributes["messaging.batch.message_count"] == 3


@pytest.mark.django_db
def test_schedules_and_follow_ups_have_traces(register: Any, note: Any, exported: InMemorySpanExporter) -> None:
    nine = NOON - timedelta(hours=3)
    awaiting(made(schedule_interval=DAILY), nine)
    fire_due(now=nine + timedelta(seconds=1))
    fired = Job.objects.get(schedule__isnull=False)
    assert fired.traceparent == context_of(spans(exported)[-1])

    def lead(ctx: Context) -> None:
        ctx.enqueue(note, {"n": 1})

    register("leads", lead)
    job = enqueue("leads", {}).fetch()
    with tracing.tracer.running(attempt(job)) as running:  # type: ignore[union-attr]
        run_job(job)
    follower = Job.objects.filter(payload={"n": 1}).get()
    assert follower.trace_id == job.trace_id == tracing.trace_id(running.traceparent)
    assert follower.traceparent not in (job.traceparent, running.traceparent), "a span of its own"


@pytest.mark.django_db
def test_a_refused_submission_is_an_error_of_its_span(note: Any, exported: InMemorySpanExporter) -> None:
    enqueue("note", {}, unique=Unique(mode="raise"))
    with pytest.raises(UniqueKeyTaken):
        enqueue("note", {}, unique=Unique(mode="raise"))
    assert [span.status.is_ok or span.status.is_unset for span in spans(exported)] == [True, False]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given, kept",
    [
        (SENT, SENT),
        (None, None),
        ("", None),
        ("00-nonsense", None),
        (SENT.upper(), None),
        (f"{SENT}-more", None),
        (f"01{SENT[2:]}", None),
        (SENT.replace(TRACE, "0" * 32), None),
        ("00-" + TRACE + "-" + "0" * 16 + "-01", None),
    ],
)
def test_sql_takes_and_python_reads_only_lawful_contexts(given: str | None, kept: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT enqueue_job('note', p_traceparent => %s)", [given])
        (job_id,) = cursor.fetchone()
    assert Job.objects.get(pk=job_id).traceparent == kept == tracing.lawful(given)
    assert tracing.trace_id(given) == (TRACE if kept else None)


def attempt(job: Job | None = None, traceparent: str | None = SENT) -> Attempt:
    pk = "job-1" if job is None else str(job.pk)
    found = traceparent if job is None else job.traceparent
    return Attempt(pk, 7, "note", "mail", 5, "{}", 2, 0, 3, None, 0.0, waited=0.25, traceparent=found)


def test_an_attempt_goes_on_with_its_jobs_trace(exported: InMemorySpanExporter) -> None:
    assert tracing.tracer is not None
    one = attempt()
    with tracing.tracer.running(one) as span:
        assert tracing.tracer.ids() == (TRACE, span.traceparent.split("-")[2])
        with tracing.tracer.continuing(span.traceparent):
            assert tracing.tracer.ids() == (TRACE, span.traceparent.split("-")[2])
        span.ended(failure(one, ValueError("no, token=hunter2hunter2")))
    assert tracing.tracer.ids() is None

    (told,) = spans(exported)
    assert told.parent is not None and f"{told.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (told.attributes or {}).items() >= {
        "messaging.system": "ekiden",
        "messaging.destination.name": "mail",
        "ekiden.job.attempt": 2,
        "ekiden.job.waited_seconds": 0.25,
        "ekiden.job.outcome": "retry",
        "error.type": "builtins.ValueError",
    }.items()
    assert "hunter2" not in told.to_json() and "[redacted]" in str(told.status.description)
    assert current.fields(one)["trace_id"] == TRACE


def test_what_is_no_trace_context_begins_a_new_one(exported: InMemorySpanExporter) -> None:
    assert tracing.tracer is not None
    for strange in (None, "00-nonsense"):
        with tracing.tracer.running(attempt(traceparent=strange)) as span:
            assert tracing.lawful(span.traceparent)
    assert [span.parent for span in spans(exported)] == [None, None]
