"""The operations for tables in use, beside a transaction that is reading and writing all the while."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import NotSupportedError, OperationalError, connection, connections

from accounts.online_migrations import AddPartitionedIndexConcurrently, BackfillInBatches

pytestmark = pytest.mark.django_db(transaction=True)

INDEX = AddPartitionedIndexConcurrently("readings", "readings_station", "(station, id)")
FILL = BackfillInBatches("readings", "station = 'unknown'", "station IS NULL", batch_size=70)


def run(operation, forwards=True, atomic=False):
    with connection.schema_editor(atomic=atomic) as editor:
        (operation.database_forwards if forwards else operation.database_backwards)("accounts", editor, None, None)


def ask(question):
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def other():
    """A second connection, with a transaction of its own."""
    parameters = connection.get_connection_params()
    parameters = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if key in parameters}
    with psycopg.connect(**parameters) as made:
        yield made


@pytest.fixture
def readings():
    execute("CREATE TABLE readings (id bigint, station text, PRIMARY KEY (id)) PARTITION BY RANGE (id)")
    for first in range(0, 300, 100):
        execute(f"CREATE TABLE readings_{first} PARTITION OF readings FOR VALUES FROM ({first}) TO ({first + 100})")
    execute("INSERT INTO readings SELECT n, CASE WHEN n % 3 = 0 THEN 'Tokyo' END FROM generate_series(0, 299) AS n")
    yield
    execute("DROP TABLE readings")


def indexes():
    return ask(
        "SELECT indrelid::regclass::text, indisvalid, inhparent::regclass::text FROM pg_index "
        "LEFT JOIN pg_inherits ON inhrelid = indexrelid "
        "WHERE indrelid::regclass::text LIKE 'readings%' AND NOT indisprimary ORDER BY 1"
    )


COMPLETE = [
    ("readings", True, None),
    ("readings_0", True, "readings_station"),
    ("readings_100", True, "readings_station"),
    ("readings_200", True, "readings_station"),
]


class TestPartitionedIndex:
    def test_is_on_every_partition_and_on_those_to_come(self, readings):
        run(INDEX)
        assert indexes() == COMPLETE
        execute("CREATE TABLE readings_300 PARTITION OF readings FOR VALUES FROM (300) TO (400)")
        assert ("readings_300", True, "readings_station") in indexes()

    def test_backwards_it_is_gone(self, readings):
        run(INDEX)
        run(INDEX, forwards=False)
        assert indexes() == []

    def test_writers_go_on_while_it_waits_for_one_of_them(self, readings, other):
        """CREATE INDEX CONCURRENTLY waits for an open transaction; who writes meanwhile waits for neither."""
        other.execute("DELETE FROM readings_100 WHERE id = 150")

        def build():
            try:
                run(INDEX)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            built = pool.submit(build)
            parameters = {key: value for key, value in other.info.get_parameters().items() if key != "options"}
            with psycopg.connect(**parameters, autocommit=True, options="-c lock_timeout=5s") as writer:
                waits = (
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%%' AND wait_event_type='Lock'"
                )
                while not writer.execute(waits).fetchone():
                    assert not built.done()
                writer.execute("INSERT INTO readings_0 (id) SELECT 50 WHERE false")
                writer.execute("UPDATE readings SET station = 'Osaka' WHERE id = 160")
                other.commit()
            built.result(timeout=60)
        assert indexes() == COMPLETE

    def test_goes_on_after_an_interruption(self, readings, other):
        """An interrupted build leaves an invalid index, which the next run replaces."""
        execute("CREATE INDEX readings_station ON ONLY readings (station, id)")
        execute("CREATE INDEX readings_0_readings_station ON readings_0 (station, id)")
        execute("ALTER INDEX readings_station ATTACH PARTITION readings_0_readings_station")
        other.execute("UPDATE readings SET station = 'Nara' WHERE id = 101")
        execute("SET statement_timeout = '200ms'")
        with pytest.raises(OperationalError, match="statement timeout"):
            execute("CREATE INDEX CONCURRENTLY readings_100_readings_station ON readings_100 (station, id)")
        execute("RESET statement_timeout")
        other.rollback()
        assert ("readings_100", False, None) in indexes()
        run(INDEX)
        assert indexes() == COMPLETE

    def test_gives_up_in_time_and_can_be_run_again(self, readings, other):
        other.execute("LOCK TABLE readings IN ROW EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="lock timeout"):
            run(AddPartitionedIndexConcurrently("readings", "readings_station", "(station, id)", timeout="50ms"))
        other.rollback()
        assert ask("SHOW lock_timeout") == [("0",)]
        run(INDEX)
        assert indexes() == COMPLETE


class TestBackfill:
    def test_fills_what_is_missing_and_nothing_else(self, readings):
        run(FILL)
        assert ask("SELECT station, count(*) FROM readings GROUP BY 1 ORDER BY 1") == [("Tokyo", 100), ("unknown", 200)]
        run(FILL)
        run(FILL, forwards=False)
        assert ask("SELECT count(*) FROM readings WHERE station = 'unknown'") == [(200,)]

    def test_each_batch_is_committed_by_itself(self, readings, other):
        """Where a row is locked, what came before it stays, and the next run does the rest."""
        other.execute("SELECT 1 FROM readings WHERE id = 200 FOR UPDATE")
        with pytest.raises(OperationalError, match="lock timeout"):
            run(BackfillInBatches("readings", "station = 'unknown'", "station IS NULL", batch_size=70, timeout="50ms"))
        assert ask("SELECT count(*) FROM readings WHERE station IS NULL") == [(130,)]
        other.rollback()
        run(FILL)
        assert ask("SELECT count(*) FROM readings WHERE station IS NULL") == [(0,)]


@pytest.mark.parametrize("operation", [INDEX, FILL])
def test_inside_a_transaction_they_are_refused(operation):
    with pytest.raises(NotSupportedError, match="atomic = False"):
        run(operation, atomic=True)
