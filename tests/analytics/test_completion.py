"""How rows are completed: by the worker's word, and by a look at the jobs of those that nobody spoke of."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.uuid7 import first_uuid7, uuid7
from analytics import reconciling
from analytics.completion import note_endings
from analytics.endings import Ending
from analytics.models import ErrorLog, RequestLog
from analytics.rows import ErrorRow, OutcomeRow
from analytics.writing import write
from jobs.models import Job
from jobs.observers import Ended
from jobs.outcomes import Attempt, Cancelled, Completed, DeadLettered, Retry, Snoozed, Usage
from jobs.statuses import Status
from tests.analytics.log_rows import request_row
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
AGO = NOW - timedelta(minutes=5)


def attempt_of(job_id: UUID, **values: Any) -> Attempt:
    attempt = Attempt(str(job_id), 1, "note", "default", 5, "{}", 1, 0, 3, None, 0.0, request_id="r-1")
    for name, value in values.items():
        setattr(attempt, name, value)
    return attempt


def error(kind: str = "retryable", **more: Any) -> dict[str, Any]:
    return {
        **{"attempt": 1, "error_class": "ValueError", "message": "no", "kind": kind, "at": NOW.isoformat()},
        **{"traceback": "Traceback …", "frame": "x.py:f", **more},
    }


def end(job_id: UUID, outcome: Any, **values: Any) -> None:
    write([Ending(Ended(attempt_of(job_id, **values), outcome), datetime.now(UTC))])


@pytest.fixture
def anna() -> User:
    return UserFactory(user_id="anna")


class TestWorkersWord:
    def test_a_completed_job(self, anna: User) -> None:
        job_id = first_uuid7(AGO)
        write([request_row(id=job_id, status_code=202)])
        end(
            job_id,
            Completed('{"words": 3, "token": "x"}'),
            user_id=str(anna.pk),
            waited=0.25,
            number=1,
            usage=Usage(2.0, 0.5, 90.125),
        )
        row = RequestLog.objects.get()
        assert (row.status_code, row.response_payload) == (200, {"words": 3, "token": "[redacted]"})
        assert 300_000 <= row.duration_ms < 400_000
        assert row.runtime_metrics == {
            **{"attempts": 1, "queue_wait_ms": 250, "run_ms": 2000, "cpu_ms": 500},
            **{"cpu_usage_percent": 25, "memory_usage_mb": 90.12},
        }

    def test_a_row_that_never_came_is_made(self, anna: User) -> None:
        end(uuid7(), Completed(None), user_id=str(anna.pk), job_type="resize", queue="lang.node")
        row = RequestLog.objects.get()
        assert (row.user_id, row.request_id, row.language_title) == ("anna", "r-1", "resize")

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [
            (DeadLettered(error("non_retryable")), 500),
            (DeadLettered(error("timeout")), 504),
            (Cancelled(), 499),
        ],
    )
    def test_other_ends(self, outcome: Any, status: int) -> None:
        end(uuid7(), outcome)
        assert RequestLog.objects.get().status_code == status

    @pytest.mark.parametrize("outcome", [Retry(1.0, error()), Snoozed(1.0, error("rate_limit"))])
    def test_a_failed_attempt_leaves_the_row_open(self, outcome: Any, anna: User) -> None:
        job_id = uuid7()
        write([request_row(id=job_id)])
        end(job_id, outcome, user_id=str(anna.pk))
        assert RequestLog.objects.get().status_code == 201
        found = ErrorLog.objects.get()
        assert (found.request_log_id, found.user_id, found.error_code) == (job_id, "anna", "ValueError")
        assert (found.error_message, found.stack_trace) == ("no", "Traceback …")
        assert found.context is not None
        assert found.context.keys() == {"attempt", "kind", "queue", "worker", "frame"}

    def test_a_snooze_is_no_news(self) -> None:
        end(uuid7(), Snoozed(1.0))
        assert not RequestLog.objects.exists()

    def test_an_error_told_twice_is_one(self) -> None:
        job_id = uuid7()
        for _ in range(2):
            end(job_id, Retry(1.0, error()))
        assert ErrorLog.objects.count() == 1

    def test_errors_that_no_worker_told_come_from_the_jobs_history(self) -> None:
        lost = {"error_class": "LostWorker", "kind": "lost_worker", "attempt": 1, "at": NOW.isoformat(), "message": "x"}
        job = Job.objects.create(job_type="note", request_id="r-1", error_history=[lost])
        end(job.pk, Completed(None), number=2)
        assert ErrorLog.objects.get().error_code == "LostWorker"

    def test_secrets_in_what_other_languages_report(self) -> None:
        told = error(message="password=hunter2", traceback="at x\nAKIAIOSFODNN7EXAMPLE")
        end(uuid7(), DeadLettered(told))
        found, row = ErrorLog.objects.get(), RequestLog.objects.get()
        assert "hunter2" not in found.error_message + json.dumps(row.error_details)
        assert "AKIA" not in found.stack_trace

    def test_a_huge_result_is_not_read(self) -> None:
        end(uuid7(), Completed(json.dumps("x" * 100_000)))
        assert RequestLog.objects.get().response_payload == {"[truncated]": True, "characters": 100_002}

    def test_the_observer_hands_over(self, recorded_rows: list[Any]) -> None:
        attempt = attempt_of(uuid7(), started_at=0.0)
        note_endings([Ended(attempt, DeadLettered(error("timeout")))])
        (ending,) = recorded_rows
        outcome, failed = ending.rows()
        assert isinstance(outcome, OutcomeRow)
        assert isinstance(failed, ErrorRow)
        # Ended from outside, so nobody measured it.
        assert attempt.usage is not None
        assert attempt.usage.cpu_seconds is None


class TestReconciling:
    @pytest.fixture(autouse=True)
    def _from_the_begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reconciling._walk, "after", UUID(int=0))

    @pytest.fixture
    def job(self, anna: User) -> Callable[..., Job]:
        def make(**columns: Any) -> Job:
            job = Job.objects.create(
                **{"id": first_uuid7(AGO), "job_type": "note", "request_id": "r-1", "user": anna, **columns}
            )
            write([request_row(id=job.pk, status_code=202, user_id="anna")])
            return job

        return make

    def complete(self) -> int:
        # The jobs of these tests ended a moment ago.
        return reconciling.complete_open_rows(datetime.now(UTC) + 2 * reconciling.PATIENCE)

    @pytest.mark.parametrize(
        ("columns", "status"),
        [
            ({"status": Status.COMPLETED, "result": {"x": 1}, "completed_at": NOW}, 200),
            ({"status": Status.CANCELLED}, 499),
            ({"status": Status.FAILED, "failed_at": NOW, "error_message": "no"}, 500),
            ({"status": Status.PENDING, "is_deleted": True}, 499),
        ],
    )
    def test_what_ended_otherwise(self, job: Callable[..., Job], columns: dict[str, Any], status: int) -> None:
        job(**columns)
        assert self.complete() == 1
        row = RequestLog.objects.get()
        assert (row.status_code, row.user_id) == (status, "anna")
        assert row.response_payload == columns.get("result")
        assert self.complete() == 0

    @pytest.mark.parametrize("status", [Status.PENDING])
    def test_what_goes_on_stays_open(self, job: Callable[..., Job], status: Status) -> None:
        job(status=status)
        assert self.complete() == 0
        assert RequestLog.objects.get().status_code == 202

    def test_what_ended_just_now_is_left_to_its_worker(self, job: Callable[..., Job]) -> None:
        job(status=Status.CANCELLED)
        assert reconciling.complete_open_rows() == 0

    def test_a_job_that_was_deleted(self) -> None:
        write([request_row(id=first_uuid7(AGO))])
        assert self.complete() == 1
        assert RequestLog.objects.get().status_code == 410

    def test_a_request_that_shared_anothers_job(self, job: Callable[..., Job]) -> None:
        shared = job(status=Status.COMPLETED, result=7, completed_at=timezone.now())
        write([request_row(id=uuid7(), status_code=202, runtime_metrics=json.dumps({"shared_job": str(shared.pk)}))])
        assert self.complete() == 2
        assert list(RequestLog.objects.values_list("status_code", "response_payload")) == [(200, 7), (200, 7)]

    def test_the_errors_of_lost_workers(self, job: Callable[..., Job]) -> None:
        lost = error("lost_worker", error_class="LostWorker", traceback="")
        job(status=Status.FAILED, failed_at=NOW, error_message="no", error_history=[lost], attempt=1)
        self.complete()
        assert ErrorLog.objects.get().error_code == "LostWorker"

    def test_walks_through_more_than_one_round_sees(
        self, job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reconciling, "AT_ONCE", 2)
        monkeypatch.setattr(reconciling, "MOST_BATCHES", 1)
        for number in range(3):
            waiting = UUID(int=first_uuid7(AGO).int + number)
            job(id=waiting, status=Status.PENDING)
        job(id=UUID(int=first_uuid7(AGO).int + 3), status=Status.CANCELLED)
        assert [self.complete() for _ in range(2)] == [0, 1]
