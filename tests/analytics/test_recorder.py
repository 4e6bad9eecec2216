"""The buffer before the request log: it loses nothing that it can keep, and counts what it cannot."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, OperationalError, connections, router

from accounts.uuid7 import first_uuid7, uuid7
from analytics.models import LateHour, RecorderAlarm, RequestLog, RollupState
from analytics.models.alarm import DROPPED, MISSING_PARTITION
from analytics.recorder import Recorder
from analytics.rows import RequestRow, time_of
from analytics.writing import Row
from tests.analytics.log_rows import outcome_row, request_row

SECONDS = 30


class Store:
    """Stands for the database where a test needs one that is away, slow or picky."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.asked = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()
        self.error: Exception | None = None

    def write(self, rows: Sequence[Row], alarms: Mapping[str, int]) -> None:
        self.asked.release()
        if not self.open.wait(SECONDS):
            raise AssertionError
        if self.error is not None:
            raise self.error
        self.rows.extend(rows)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def make(store: Store) -> Iterator[Callable[..., Recorder]]:
    made: list[Recorder] = []

    def make_recorder(**options: Any) -> Recorder:
        made.append(Recorder(**{"write": store.write, **options}))
        return made[-1]

    yield make_recorder
    store.error = None
    store.open.set()
    for recorder in made:
        recorder.close(1)


class TestBuffer:
    def test_rows_arrive(self, store: Store, make: Callable[..., Recorder]) -> None:
        recorder, rows = make(), [request_row() for _ in range(3)]
        recorder.add(rows)
        assert recorder.wait_until_empty(SECONDS)
        assert store.rows == rows
        assert recorder.recorded == 3

    def test_is_bounded_by_rows_and_counts_the_rest(self, store: Store, make: Callable[..., Recorder]) -> None:
        store.open.clear()
        recorder = make(most_rows=5)
        for _ in range(9):
            recorder.add([request_row()])
        assert (recorder.held, recorder.dropped, recorder.alarms[DROPPED]) == (5, 4, 4)
        store.open.set()
        assert recorder.wait_until_empty(SECONDS)
        assert len(store.rows) == 5

    def test_is_bounded_by_bytes(self, store: Store, make: Callable[..., Recorder]) -> None:
        store.open.clear()
        recorder = make(most_bytes=25_000)
        recorder.add([request_row(request_payload="x" * 10_000) for _ in range(5)])
        assert (recorder.held, recorder.dropped) == (2, 3)

    def test_keeps_rows_while_the_database_is_away(self, store: Store, make: Callable[..., Recorder]) -> None:
        store.error = OperationalError("away")
        recorder = make()
        recorder.add([request_row()])
        for _ in range(3):
            assert store.asked.acquire(timeout=SECONDS)
        store.error = None
        assert recorder.wait_until_empty(SECONDS)
        assert len(store.rows) == 1
        assert recorder.dropped == 0
        assert recorder.failures >= 2

    def test_drops_only_the_row_that_is_refused(self, store: Store, make: Callable[..., Recorder]) -> None:
        bad = request_row(request_id="bad")

        def write(rows: Sequence[Row], alarms: Mapping[str, int]) -> None:
            if bad in rows:
                raise DataError("no")
            store.rows.extend(rows)

        recorder = make(write=write)
        good = [request_row() for _ in range(7)]
        recorder.add([*good[:3], bad, *good[3:]])
        assert recorder.wait_until_empty(SECONDS)
        assert store.rows == good
        assert recorder.dropped == 1

    def test_goes_on_after_a_bug(self, store: Store, make: Callable[..., Recorder]) -> None:
        store.error = KeyError("bug")
        recorder = make()
        recorder.add([request_row()])
        assert recorder.wait_until_empty(SECONDS)
        store.error = None
        recorder.add([request_row()])
        assert recorder.wait_until_empty(SECONDS)
        assert (len(store.rows), recorder.dropped) == (1, 1)


class TestClosing:
    def test_writes_what_is_left_and_what_comes_later(self, store: Store, make: Callable[..., Recorder]) -> None:
        recorder = make()
        recorder.add([request_row() for _ in range(3)])
        recorder.close()
        assert len(store.rows) == 3
        recorder.add([request_row()])
        assert len(store.rows) == 4

    def test_gives_up_on_a_database_that_stays_away(self, store: Store, make: Callable[..., Recorder]) -> None:
        store.error = OperationalError("away")
        recorder = make()
        recorder.add([request_row() for _ in range(3)])
        assert store.asked.acquire(timeout=SECONDS)
        recorder.close(0.2)
        assert (recorder.dropped, recorder.held) == (3, 0)


@pytest.mark.usefixtures("empty_logs")
class TestDatabase:
    @pytest.fixture
    def recorder(self) -> Iterator[Recorder]:
        recorder = Recorder()
        yield recorder
        recorder.close()

    def test_makes_a_missing_partition_and_raises_an_alarm(
        self, recorder: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        row = request_row(id=first_uuid7(datetime(2019, 7, 14, tzinfo=UTC)))
        recorder.add([row, request_row()])
        try:
            assert recorder.wait_until_empty(SECONDS)
            assert RequestLog.objects.count() == 2
            assert RequestLog.objects.get(pk=row.id).timestamp == datetime(2019, 7, 14, tzinfo=UTC)
            assert "request_logs_y2019m07" in caplog.text
            assert recorder.alarms[MISSING_PARTITION] == 0
            assert RecorderAlarm.objects.get(name=MISSING_PARTITION).count == 1
        finally:
            with connections[router.db_for_write(RequestLog)].cursor() as cursor:
                cursor.execute("DROP TABLE request_logs_y2019m07, error_logs_y2019m07")

    def test_a_row_of_no_possible_time_is_dropped_alone(self, recorder: Recorder) -> None:
        beyond = request_row(id=UUID(int=(10**14) << 80 | 0x7 << 76 | 2 << 62))
        recorder.add([request_row(), beyond, request_row()])
        assert recorder.wait_until_empty(SECONDS)
        assert RequestLog.objects.count() == 2
        assert recorder.dropped == 1

    def test_counts_in_the_database_what_was_dropped(self, recorder: Recorder) -> None:
        recorder.add([request_row(status_code=1)])
        assert recorder.wait_until_empty(SECONDS)
        assert recorder.alarms[DROPPED] == 1
        recorder.add([request_row()])
        assert recorder.wait_until_empty(SECONDS)
        assert recorder.alarms[DROPPED] == 0
        assert RecorderAlarm.objects.get(name=DROPPED).count == 1

    def test_both_parts_of_a_row_meet_in_either_order(self, recorder: Recorder) -> None:
        first, second = uuid7(), uuid7()
        for rows in (
            [request_row(id=first, status_code=202, user_id="anna"), outcome_row(id=first)],
            [outcome_row(id=second)],
            [request_row(id=second, status_code=202, user_id="anna")],
        ):
            recorder.add(rows)
            assert recorder.wait_until_empty(SECONDS)
        for row in RequestLog.objects.all():
            assert (row.status_code, row.user_id, row.duration_ms) == (200, "anna", 1234)
            assert row.response_payload == {"done": True}
            assert row.request_payload == {"page": 1}


@pytest.mark.usefixtures("empty_logs")
class TestLateHours:
    def test_rows_of_closed_hours_name_their_hour(self) -> None:
        now = datetime.now(UTC)
        hour = now.replace(minute=0, second=0, microsecond=0)
        RollupState.objects.update_or_create(id=1, defaults={"closed_until": hour, "data_through": hour})
        recorder = Recorder()
        late = [request_row(id=first_uuid7(hour - timedelta(minutes=ago))) for ago in (1, 2, 61)]
        recorder.add([request_row(), *late])
        assert recorder.wait_until_empty(SECONDS)
        recorder.close()
        if hour.day == (hour - timedelta(hours=2)).day:
            assert set(LateHour.objects.values_list("hour", flat=True)) == {
                hour - timedelta(hours=1),
                hour - timedelta(hours=2),
            }
        assert all(isinstance(row, RequestRow) and time_of(row.id) < hour for row in late)
