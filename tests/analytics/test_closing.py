"""Hours are closed while others write: nothing that is committed goes uncounted."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, router

from analytics import rollups
from analytics.models import LateHour, RequestLog, RollupState, UsageDay, UsageHour
from analytics.rows import RequestRow
from analytics.writing import write
from tests.analytics.rows import Request, lay, new_id, sql

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_logs")]

#: For these tests it does not go on, so that no hour ends in the midst of one.
NOW = datetime.now(UTC)
HOUR = NOW.replace(minute=0, second=0, microsecond=0)


def row(at: datetime, status_code: int = 200) -> RequestRow:
    return RequestRow(
        new_id(at), "r", "python-summarize", "", "alice", None, None, None, status_code, 25, False
    )  # fmt: skip


def counted(hour: datetime) -> int:
    found = UsageHour.objects.filter(user_id="", language_title="", hour=hour)
    return found.values_list("requests", flat=True).first() or 0


def counted_of_days() -> int:
    return sum(UsageDay.objects.filter(user_id="", language_title="").values_list("requests", flat=True))


@pytest.fixture
def other():
    """A second connection to the logs, in a transaction."""
    import psycopg

    connection = connections[router.db_for_write(RequestLog)]
    with psycopg.connect(**connection.get_connection_params()) as other:
        yield other


def waits_for_a_lock() -> bool:
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return sql(blocked) != [(0,)]


def wait_until(condition) -> None:
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to that")


def test_a_flush_in_flight_while_its_hour_closes_is_counted(other):
    """The writer has seen the hour open; the closing waits until its rows are there."""
    before = HOUR - timedelta(hours=1)
    sql("SELECT create_log_partitions(%s)", before)
    sql("SELECT analytics.close_hours(%s)", before)
    other.execute("SELECT closed_until FROM rollup_state FOR SHARE")
    other.execute(
        "INSERT INTO request_logs (id, request_id, language_title, timestamp, status_code, duration_ms)"
        " VALUES (%s, 'r', 'python-summarize', %s, 200, 7)",
        [new_id(before), before],
    )

    def close() -> None:
        rollups.roll_up(now=NOW)
        connections.close_all()

    closing = threading.Thread(target=close)
    closing.start()
    wait_until(waits_for_a_lock)
    assert RollupState.objects.get().closed_until == before, "still open, and others may write"
    other.commit()
    closing.join(30)
    assert RollupState.objects.get().closed_until == HOUR
    assert (counted(before), counted_of_days()) == (1, 1)


def test_a_late_row_reopens_its_hour():
    earlier = HOUR - timedelta(hours=3)
    lay([Request(earlier)])
    rollups.roll_up(now=NOW)
    assert (counted(earlier), LateHour.objects.count()) == (1, 0)
    write([row(earlier), row(HOUR)])
    assert [late.hour for late in LateHour.objects.all()] == [earlier], "the open hour needs no mark"
    rollups.roll_up(now=NOW)
    assert (counted(earlier), counted(HOUR), LateHour.objects.count()) == (2, 1, 0)
    assert counted_of_days() == 3


def test_a_row_that_comes_while_its_hour_is_rolled_up_is_counted_next_time(other):
    earlier = HOUR - timedelta(hours=3)
    lay([Request(earlier)])
    rollups.roll_up(now=NOW)
    write([row(earlier)])
    # It has read the log, taken the mark away, and not committed: the writer puts the mark back.
    other.execute("SELECT analytics.roll_up_hours(24)")
    writing = threading.Thread(target=lambda: (write([row(earlier)]), connections.close_all()))
    writing.start()
    wait_until(waits_for_a_lock)
    other.commit()
    writing.join(30)
    assert counted(earlier) == 2
    assert LateHour.objects.count() == 1
    rollups.roll_up(now=NOW)
    assert (counted(earlier), LateHour.objects.count()) == (3, 0)


def test_a_mark_that_was_renewed_after_the_log_was_read_stays(other):
    """As the roll-up sees it: it remembers the mark, reads the log, and somebody writes before it ends."""
    earlier = HOUR - timedelta(hours=3)
    lay([Request(earlier)])
    rollups.roll_up(now=NOW)
    write([row(earlier)])
    # Hold the hour's lock, so that the roll-up waits, and change the mark meanwhile.
    other.execute(
        "SELECT pg_advisory_xact_lock(hashtext('analytics.roll_up_hour'), (extract(epoch FROM %s) / 3600)::integer)",
        [earlier],
    )
    rolling = threading.Thread(target=lambda: (rollups.call("roll_up_hours"), connections.close_all()))
    rolling.start()
    wait_until(waits_for_a_lock)
    write([row(earlier)])
    other.commit()
    rolling.join(30)
    assert LateHour.objects.count() == 1, "the mark is a newer one than that which was redone"
    rollups.roll_up(now=NOW)
    assert (counted(earlier), LateHour.objects.count()) == (3, 0)


def test_two_roll_ups_of_one_hour_at_once_count_it_once():
    lay([Request(HOUR - timedelta(hours=1), user_id=f"user{n}") for n in range(200)])
    rollups.roll_up(now=NOW)
    sql("INSERT INTO analytics.late_hours (hour) VALUES (%s)", HOUR - timedelta(hours=1))
    errors = []

    def again() -> None:
        try:
            for _ in range(5):
                rollups.call("roll_up_hour", HOUR - timedelta(hours=1))
                rollups.call("roll_up_day", HOUR - timedelta(hours=1))
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert (counted(HOUR - timedelta(hours=1)), counted_of_days()) == (200, 200)


def test_a_downtime_is_made_up_for_in_rounds():
    lay(Request(HOUR - timedelta(hours=n)) for n in range(1, 60))
    assert rollups.roll_up(30, NOW) == 30
    state = RollupState.objects.get()
    assert state.closed_until == HOUR
    assert state.data_through == HOUR - timedelta(hours=29), "answers say how far they reach"
    assert rollups.roll_up(30, NOW) == 29
    assert RollupState.objects.get().data_through == NOW
    assert counted_of_days() == 59


def test_the_open_hour_is_counted_as_far_as_it_goes():
    lay([Request(HOUR)])
    rollups.roll_up(now=NOW)
    assert (counted(HOUR), RollupState.objects.get().data_through) == (1, NOW)
    lay([Request(HOUR)])
    later = NOW + timedelta(milliseconds=1)
    rollups.roll_up(now=later)
    assert (counted(HOUR), RollupState.objects.get().data_through) == (2, later)
