"""Every index of the request log is there for a query, and the query uses it, at 100,000 rows in three months."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction

from accounts.uuid7 import first_uuid7
from analytics import reconciling
from analytics.models import ErrorLog, RequestLog
from analytics.partitions import alias, create_for
from analytics.rows import ErrorRow, OutcomeRow, error_id, time_of
from analytics.writing import write
from tests.analytics.log_rows import outcome_row, request_row
from tests.contracts.plans import Plan, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ROWS = 100_000
PAGE = 51
NOW = datetime.now(UTC).replace(microsecond=0)
MONTHS = [NOW - timedelta(days=days) for days in (62, 31, 0)]

# In the order of time, as they come; every thousandth still goes on, every tenth failed.
LAY = """
INSERT INTO request_logs (id, request_id, language_title, timestamp, user_id, status_code, duration_ms)
SELECT analytics.first_uuid7(at), 'r-' || n, 'python-f' || mod(n, 20), at, 'user' || mod(n, 100),
       CASE WHEN mod(n, 1000) = 0 THEN 202 WHEN mod(n, 10) = 0 THEN 500 ELSE 200 END, mod(n, 1000)
FROM generate_series(1, %s) AS n, LATERAL (
    SELECT date_trunc('milliseconds', %s::timestamptz + (n::float / %s) * (%s::timestamptz - %s::timestamptz)) AS at
) AS t
"""
LAY_ERRORS = """
INSERT INTO error_logs (request_log_id, request_timestamp, timestamp, user_id, error_code, error_message)
SELECT id, timestamp, timestamp, user_id, 'Error' || mod(duration_ms, 70), 'no'
FROM request_logs WHERE status_code = 500
"""


@pytest.fixture(scope="module")
def log(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic(using=alias()):
        create_for(MONTHS)
        with connections[alias()].cursor() as cursor:
            cursor.execute(LAY, [ROWS, MONTHS[0], ROWS, NOW, MONTHS[0]])
            cursor.execute(LAY_ERRORS)
            cursor.execute("ANALYZE request_logs, error_logs")
        yield
        transaction.set_rollback(True, using=alias())


def some_id(**filters: Any) -> UUID:
    found: UUID = RequestLog.objects.filter(timestamp__gt=MONTHS[1], **filters).order_by("id").values_list("id")[0][0]
    return found


def read(plans: list[Plan]) -> set[str]:
    """Name the indexes that are used, as the parent's are called."""
    used = {node["Index Name"] for plan in plans for node in plan.nodes() if "Index Name" in node}
    used |= {name for plan in plans for node in plan.nodes() for name in node.get("Conflict Arbiter Indexes", [])}
    with connections[alias()].cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(p.relname, c.relname) FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid "
            "LEFT JOIN pg_class p ON p.oid = i.inhparent WHERE c.relname = ANY (%s)",
            [list(used)],
        )
        return {name for (name,) in cursor.fetchall()}


def tables(plans: list[Plan]) -> set[str]:
    return {node["Relation Name"] for plan in plans for node in plan.nodes() if "Relation Name" in node}


@pytest.mark.parametrize(
    ("index", "query"),
    [
        ("request_logs_request", lambda: RequestLog.objects.filter(request_id="r-77").order_by("-id")[:PAGE]),
        ("request_logs_user", lambda: RequestLog.objects.filter(user_id="user7").order_by("-id")[:PAGE]),
        ("request_logs_function", lambda: RequestLog.objects.filter(language_title="python-f7").order_by("-id")[:PAGE]),
        ("request_logs_pkey", lambda: RequestLog.objects.order_by("-id")[:PAGE]),
        ("error_logs_request", lambda: ErrorLog.objects.filter(request_log_id=some_id()).order_by("-id")[:PAGE]),
        ("error_logs_user", lambda: ErrorLog.objects.filter(user_id="user10").order_by("-id")[:PAGE]),
        ("error_logs_code", lambda: ErrorLog.objects.filter(error_code="Error10").order_by("-id")[:PAGE]),
    ],
)
def test_pages_walk_an_index_of_each_partition(log: None, index: str, query: Any) -> None:
    plans = plans_of(lambda: list(query()))
    assert index in read(plans)
    # A partition without a row is read from end to end, and that is nothing.
    assert not {name for plan in plans for name in plan.read_whole()} & full_partitions()
    assert not plans[-1].sorts("Append") or index == "request_logs_request"


def full_partitions() -> set[str]:
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '_logs_y' AND reltuples > 100")
        return {name for (name,) in cursor.fetchall()}


def test_one_row_is_looked_for_in_its_partition_alone(log: None) -> None:
    row_id = some_id()
    plans = plans_of(lambda: list(RequestLog.objects.filter(id=row_id, timestamp=time_of(row_id))))
    assert tables(plans) == {f"request_logs_y{time_of(row_id):%Ym%m}"}
    assert read(plans) == {"request_logs_pkey"}


def test_an_hour_is_read_by_its_blocks(log: None) -> None:
    hour = (NOW - timedelta(days=33)).replace(minute=0, second=0)
    window = {"timestamp__gte": hour, "timestamp__lt": hour + timedelta(hours=1)}
    plans = plans_of(lambda: list(RequestLog.objects.filter(**window)))
    assert read(plans) == {"request_logs_time"}
    assert tables(plans) == {f"request_logs_y{hour:%Ym%m}"}
    plans = plans_of(lambda: list(ErrorLog.objects.filter(**window, request_timestamp__gte=MONTHS[0])))
    assert "error_logs_time" in read(plans)


def test_work_that_goes_on_is_found_without_what_has_ended(log: None) -> None:
    plans = plans_of(lambda: reconciling._open_rows(UUID(int=0), first_uuid7(NOW)))
    assert read(plans) == {"request_logs_open"}


def test_writing_decides_conflicts_by_the_key(log: None) -> None:
    row_id = some_id(status_code=202)
    at = time_of(row_id)
    rows: list[Any] = [
        request_row(id=row_id),
        outcome_row(id=row_id),
        ErrorRow(error_id(row_id, 1, at), row_id, at, None, "Error", "no", "", None),
    ]
    assert isinstance(rows[1], OutcomeRow)
    used = read(plans_of(lambda: write(rows)))
    assert used >= {f"request_logs_y{at:%Ym%m}_pkey", f"error_logs_y{at:%Ym%m}_pkey"} or used >= {
        *("request_logs_pkey", "error_logs_pkey"),
    }


def test_every_index_is_asked_for(log: None) -> None:
    """Those named in this file are all that there are."""
    named = {
        *("request_logs_pkey", "request_logs_time", "request_logs_request", "request_logs_user"),
        *("request_logs_function", "request_logs_open"),
        *("error_logs_pkey", "error_logs_request", "error_logs_time", "error_logs_user", "error_logs_code"),
    }
    with connections[alias()].cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid IN ('request_logs'::regclass, "
            "'error_logs'::regclass)"
        )
        assert {name for (name,) in cursor.fetchall()} == named
