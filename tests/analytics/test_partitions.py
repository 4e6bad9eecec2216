"""Partitions of the request log: made ahead, made on demand, dropped while everyone goes on."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, router, transaction

from accounts.uuid7 import first_uuid7
from analytics import detaching, partitions, upkeep, writing
from analytics.models import RequestLog
from tests.analytics.log_rows import request_row

SECONDS = 30
OLD = datetime(2001, 2, 14, tzinfo=UTC)
OLD_NAMES = ["error_logs_y2001m02", "request_logs_y2001m02"]


def run(sql: str, *arguments: Any) -> list[Any]:
    with connections[partitions.alias()].cursor() as cursor:
        cursor.execute(sql, arguments)
        return list(cursor.fetchall()) if cursor.description else []


def names() -> set[str]:
    return {partition.name for partition in partitions.existing()}


def create(since: str, months: int = 0, granularity: str = "monthly") -> list[str]:
    return [name for (name,) in run("SELECT create_log_partitions(%s, %s, %s)", since, months, granularity)]


@pytest.fixture
def lasting(empty_logs: None) -> Iterator[None]:
    """Let a test commit, without old partitions of others; those that it leaves are dropped, however far it came."""
    run("SELECT drop_old_partitions(0)")
    yield
    for name in {*detaching.left_over(), *(p.name for p in partitions.existing() if p.ends and p.ends.year < 2020)}:
        run(f"DROP TABLE IF EXISTS public.{name}")


@pytest.fixture
def connect() -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    opened: list[psycopg.Connection[Any]] = []
    parameters = connections[partitions.alias()].get_connection_params()
    parameters = {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}

    def another() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(**parameters))
        return opened[-1]

    yield another
    for connection in opened:
        connection.close()


@pytest.mark.django_db
class TestCreating:
    def test_the_migration_made_the_running_month_and_three_more(self) -> None:
        assert partitions.months_ahead(datetime.now(UTC)) == 3
        assert partitions.create_ahead() == []

    def test_months_ahead(self) -> None:
        assert create("2001-02-14 10:00+00", 2) == [
            f"{parent}_y2001m{month}" for month in ("02", "03", "04") for parent in ("request_logs", "error_logs")
        ]
        assert create("2001-02-14 10:00+00", 2) == []

    def test_bounds_are_utc_wherever_the_session_is(self) -> None:
        run("SET LOCAL TIME ZONE 'Asia/Tokyo'")
        create("2001-02-28 23:30+00")
        run("SET LOCAL TIME ZONE 'UTC'")
        found = {p.name: (p.starts, p.ends) for p in partitions.existing()}
        assert found["request_logs_y2001m02"] == (datetime(2001, 2, 1, tzinfo=UTC), datetime(2001, 3, 1, tzinfo=UTC))

    def test_days(self) -> None:
        made = create("2001-02-27 10:00+00", 1, "daily")
        assert made[:2] == ["request_logs_y2001m02d27", "error_logs_y2001m02d27"]
        assert made[-1] == "error_logs_y2001m03d27"

    def test_a_month_begun_with_days_goes_on_with_days(self) -> None:
        create("2001-02-03 10:00+00", 0, "daily")
        made = create("2001-02-20 10:00+00")
        assert len(made) == 2 * 27
        assert "request_logs_y2001m02" not in names()
        assert create("2001-02-20 10:00+00") == []

    def test_days_of_a_month_that_is_there_are_there(self) -> None:
        create("2001-02-03 10:00+00")
        assert create("2001-02-20 10:00+00", 0, "daily") == []

    @pytest.mark.parametrize(
        ("since", "months", "granularity"),
        [
            ("1969-12-31", 0, "monthly"),
            ("2100-01-01", 0, "monthly"),
            ("2001-01-01", -1, "monthly"),
            ("2001-01-01", 121, "monthly"),
            ("2001-01-01", 13, "daily"),
            ("2001-01-01", 0, "weekly"),
            ("infinity", 0, "monthly"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, since: str, months: int, granularity: str) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(using=partitions.alias()):
            create(since, months, granularity)

    def test_what_comes_without_a_partition_gets_a_day_where_days_are_wanted(self, settings: Any) -> None:
        settings.LOG_PARTITIONS = "daily"
        assert partitions.create_for([OLD, OLD]) == ["request_logs_y2001m02d14", "error_logs_y2001m02d14"]
        # The months that are there are not cut up.
        assert partitions.create_ahead() == []
        assert len(partitions.create_ahead(6)) > 100

    def test_indexes_and_keys_are_the_parents(self) -> None:
        create("2001-02-03 10:00+00")
        attached = run(
            "SELECT count(*) FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid "
            "WHERE x.indrelid = 'request_logs_y2001m02'::regclass"
        )
        assert attached == run("SELECT count(*) FROM pg_index WHERE indrelid = 'request_logs'::regclass")

    def test_without_a_default_partition(self) -> None:
        assert run("SELECT count(*) FROM pg_partitioned_table WHERE partdefid <> 0") == [(0,)]


@pytest.mark.usefixtures("lasting")
def test_many_callers_at_once_make_each_partition_once(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    made: list[str] = []
    begin = threading.Barrier(4)

    def call(connection: psycopg.Connection[Any]) -> None:
        begin.wait(SECONDS)
        with connection:
            rows = connection.execute("SELECT create_log_partitions('2001-02-14', 1)").fetchall()
        made.extend(name for (name,) in rows)

    threads = [threading.Thread(target=call, args=[connect()]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(made) == sorted([*OLD_NAMES, "error_logs_y2001m03", "request_logs_y2001m03"])


@pytest.mark.django_db
class TestOld:
    @pytest.fixture(autouse=True)
    def _months(self) -> None:
        now = datetime.now(UTC)
        self.month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        # Files that share a log among their tests leave its partitions behind.
        run("SELECT drop_old_partitions(0)")
        run("SELECT create_log_partitions(%s - interval '4 months', 4)", self.month)

    def test_whole_months_before_the_running_one_are_kept(self) -> None:
        old = partitions.old(3)
        assert [p.parent for p in old] == ["error_logs", "request_logs"]
        (ends,) = {p.ends for p in old}
        assert run("SELECT %s::timestamptz = %s::timestamptz + interval '3 months'", self.month, ends) == [(True,)]
        assert len(partitions.old(0)) == 8

    def test_the_running_month_never_goes(self) -> None:
        assert all(p.ends is not None and p.ends <= self.month for p in partitions.old(0))

    @pytest.mark.parametrize("months", [-1, 1201, None])
    def test_refuses_what_makes_no_sense(self, months: int | None) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(using=partitions.alias()):
            run("SELECT * FROM old_log_partitions(%s)", months)

    def test_the_function_drops_and_its_dry_run_does_not(self) -> None:
        would = [name for (name,) in run("SELECT drop_old_partitions(2, true)")]
        assert len(would) == 4
        assert set(would) <= names()
        assert [name for (name,) in run("SELECT drop_old_partitions(2)")] == would
        assert not set(would) & names()
        assert run("SELECT to_regclass(%s)", would[0]) == [(None,)]


class TestDropping:
    @pytest.fixture(autouse=True)
    def _old(self, lasting: None) -> None:
        create("2001-02-14")

    def test_readers_and_writers_go_on_while_it_waits_for_one(
        self, connect: Callable[[], psycopg.Connection[Any]]
    ) -> None:
        """A transaction that began before the detach holds it up, and nobody else."""
        holder = connect()
        holder.execute("SELECT count(*) FROM request_logs").fetchall()
        gone: list[str] = []

        def drop() -> None:
            gone.extend(detaching.drop_old(0, wait_ms=60_000))
            connections.close_all()

        thread = threading.Thread(target=drop)
        thread.start()
        watch = connect()
        watch.autocommit = True
        while not watch.execute("SELECT FROM pg_inherits WHERE inhdetachpending").fetchall():
            assert thread.is_alive()
        # Both statements of the API's life, while the detach is under way.
        writing.write([request_row()])
        assert RequestLog.objects.count() == 1
        assert thread.is_alive()
        holder.rollback()
        thread.join(SECONDS)
        assert gone == OLD_NAMES

    def test_a_detach_that_was_interrupted_is_finished_next_time(
        self, connect: Callable[[], psycopg.Connection[Any]]
    ) -> None:
        holder, said = connect(), list[str]()
        holder.execute("SELECT count(*) FROM error_logs").fetchall()
        assert detaching.drop_old(0, said.append, wait_ms=200) == []
        assert "error_logs_y2001m02 is in use" in said[0]
        assert [p.name for p in partitions.existing() if p.detaching] == ["error_logs_y2001m02"]
        holder.rollback()
        assert detaching.drop_old(0) == OLD_NAMES

    def test_what_was_detached_and_not_dropped_is_dropped_next_time(self) -> None:
        run(f"COMMENT ON TABLE error_logs_y2001m02 IS '{detaching.MARK}'")
        run("ALTER TABLE error_logs DETACH PARTITION error_logs_y2001m02")
        assert detaching.left_over() == ["error_logs_y2001m02"]
        assert detaching.drop_old(0) == OLD_NAMES

    def test_what_somebody_detached_to_keep_it_stays(self) -> None:
        run("ALTER TABLE error_logs DETACH PARTITION error_logs_y2001m02")
        assert detaching.drop_old(0) == ["request_logs_y2001m02"]
        assert run("SELECT count(*) FROM error_logs_y2001m02") == [(0,)]
        run("DROP TABLE error_logs_y2001m02")

    def test_the_function_leaves_what_is_busy(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        holder = connect()
        holder.execute("SELECT count(*) FROM request_logs").fetchall()
        assert partitions.drop_old(0) == ["error_logs_y2001m02"]
        assert "request_logs_y2001m02" in names()

    def test_rows_of_the_time_make_it_anew(self) -> None:
        detaching.drop_old(0)
        partitions.create_for([OLD])
        writing.write([request_row(id=first_uuid7(OLD))])
        assert RequestLog.objects.get().timestamp == OLD


class TestCommand:
    def call(self, *arguments: str) -> list[str]:
        out = StringIO()
        call_command("partitions", *arguments, stdout=out, stderr=out)
        return out.getvalue().splitlines()

    @pytest.mark.usefixtures("lasting")
    def test_drops_after_a_dry_run(self) -> None:
        create("2001-02-14")
        assert self.call("--drop-older-than", "60", "--dry-run") == [f"would drop {name}" for name in OLD_NAMES]
        assert set(OLD_NAMES) <= names()
        assert self.call("--drop-older-than", "60") == [f"dropped {name}" for name in OLD_NAMES]
        assert not set(OLD_NAMES) & names()

    @pytest.mark.django_db
    def test_lists(self) -> None:
        create("2001-02-14")
        assert "error_logs_y2001m02          2001-02-01 to 2001-03-01" in self.call()

    @pytest.mark.django_db
    def test_makes_months_ahead(self) -> None:
        assert len([line for line in self.call("--ahead", "5") if line.startswith("made ")]) == 4
        assert self.call("--ahead", "3") == []

    @pytest.mark.django_db
    @pytest.mark.parametrize("arguments", [["--dry-run"], ["--ahead", "1000"], ["--drop-older-than", "-1"]])
    def test_refuses_nonsense_in_a_sentence(self, arguments: list[str]) -> None:
        with pytest.raises(CommandError) as refused, transaction.atomic(using=partitions.alias()):
            self.call(*arguments)
        assert str(refused.value).endswith(".")


@pytest.mark.usefixtures("lasting")
class TestUpkeep:
    def test_makes_what_is_missing_with_an_alarm_and_drops_what_is_old(
        self, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        create("2001-02-14")
        ahead = sorted(p.name for p in partitions.existing() if p.starts and p.starts > datetime.now(UTC))
        for name in ahead:
            run(f"DROP TABLE {name}")
        upkeep.keep_partitions()
        assert "partitions for only 0 months ahead" in caplog.text
        assert set(ahead) <= names()
        assert not set(OLD_NAMES) & names()

    def test_keeps_all_if_told_so(self, settings: Any) -> None:
        settings.LOG_RETENTION_MONTHS = 0
        create("2001-02-14")
        upkeep.keep_partitions()
        assert set(OLD_NAMES) <= names()


def test_the_router_says_where_the_logs_are() -> None:
    assert partitions.alias() == router.db_for_write(RequestLog)
