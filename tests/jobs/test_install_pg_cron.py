"""On the embedded server, which has no pg_cron, and on Debian's, which has."""

from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from tests import debian_postgresql
from tests.debian_postgresql import DebianServer

DATABASE = "relay"


@pytest.mark.django_db
def test_a_server_without_pg_cron_says_what_to_do():
    for arguments in ([], ["--uninstall"]):
        with pytest.raises(CommandError) as caught:
            call_command("install_pg_cron", *arguments)
        assert str(caught.value).startswith(
            "The database server has no pg_cron: install it there (on Debian postgresql-"
        )
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def server() -> Iterator[DebianServer]:
    """pg_cron lives in the database postgres, Ekiden in another."""
    with debian_postgresql.running() as server:
        server.create_database(DATABASE)
        migrated = server.manage(DATABASE, "migrate", "-v0")
        assert migrated.returncode == 0, migrated.stderr
        yield server


def scheduled(server, database="postgres"):
    with server.connect(database) as cron:
        if cron.execute("SELECT to_regclass('cron.job')").fetchone() == (None,):
            return []
        return cron.execute("SELECT schedule, command, database FROM cron.job ORDER BY jobid").fetchall()


def of_the_queue(server):
    return [row for row in scheduled(server) if "cleanup_expired_locks" in row[1]]


@pytest.mark.slow
def test_there_and_back(server):
    assert server.manage(DATABASE, "install_pg_cron", "--uninstall").stdout == "pg_cron was not doing it.\n"
    ran = server.manage(DATABASE, "install_pg_cron")
    assert ran.returncode == 0
    assert ran.stdout.startswith("pg_cron runs cleanup_expired_locks() at '*/5 * * * *'.\npg_cron runs analytics.")
    assert of_the_queue(server) == [("*/5 * * * *", "SELECT cleanup_expired_locks()", DATABASE)]
    server.manage(DATABASE, "install_pg_cron", "--schedule", "0 * * * *")
    assert of_the_queue(server) == [("0 * * * *", "SELECT cleanup_expired_locks()", DATABASE)], "again is not twice"
    refused = server.manage(DATABASE, "install_pg_cron", "--schedule", "every so often")
    assert (refused.returncode, refused.stderr) == (
        1, "CommandError: pg_cron refuses the schedule 'every so often': invalid schedule: every so often.\n",
    )  # fmt: skip
    assert of_the_queue(server) == [("0 * * * *", "SELECT cleanup_expired_locks()", DATABASE)]
    assert server.manage(DATABASE, "install_pg_cron", "--uninstall").stdout == "pg_cron does it no longer.\n"
    assert scheduled(server) == []


@pytest.mark.slow
def test_every_entry_is_a_statement_that_runs(server):
    assert server.manage(DATABASE, "install_pg_cron").returncode == 0
    entries = scheduled(server)
    assert {database for _, _, database in entries} == {DATABASE}
    assert any("aggregate_daily_metrics" in command for _, command, _ in entries)
    with server.connect(DATABASE) as db:
        for _, command, _ in entries:
            db.execute(command)
    assert server.manage(DATABASE, "install_pg_cron", "--uninstall").returncode == 0


@pytest.mark.slow
def test_a_user_who_may_not_schedule_is_told_how(server):
    with server.connect(DATABASE) as admin:
        admin.execute("CREATE ROLE plain LOGIN")
    refused = server.manage(DATABASE, "install_pg_cron", user="plain")
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: plain may not schedule with pg_cron: as a superuser")
    advice = refused.stderr.partition(" run ")[2].strip()
    with server.connect() as admin:
        admin.execute(advice)
    allowed = server.manage(DATABASE, "install_pg_cron", user="plain")
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert server.manage(DATABASE, "install_pg_cron", "--uninstall", user="plain").returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_it_rescues_the_job_of_a_lost_worker(server):
    """A worker took a job and was never heard of again: pg_cron alone puts the job back."""
    with server.connect(DATABASE) as db, server.connect(DATABASE) as listener:
        db.execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_notify('told', NEW.status); RETURN NEW; END $$"
        )
        db.execute("CREATE TRIGGER tell AFTER UPDATE ON job_queue FOR EACH ROW EXECUTE FUNCTION tell()")
        db.execute("SELECT enqueue_job('note')")
        (job_id,) = db.execute("SELECT job_id FROM acquire_job_lock('lost', '{note}', '1 microsecond')").fetchone()
        listener.execute("LISTEN told")
        assert server.manage(DATABASE, "install_pg_cron", "--schedule", "* * * * *").returncode == 0
        told = next(listener.notifies(timeout=150), None)
        assert told is not None, "pg_cron did nothing for two minutes"
        assert told.payload == "pending"
        row = db.execute("SELECT status, retry_count, error_details->>'worker' FROM job_queue WHERE id = %s", [job_id])
        assert row.fetchone() == ("pending", 1, "lost")
    assert server.manage(DATABASE, "install_pg_cron", "--uninstall").returncode == 0


@pytest.mark.slow
def test_pg_cron_that_lives_in_our_own_database():
    with debian_postgresql.running(**{"cron.database_name": DATABASE}) as server:
        server.create_database(DATABASE)
        ran = server.manage(DATABASE, "install_pg_cron")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert {database for _, _, database in scheduled(server, DATABASE)} == {DATABASE}


@pytest.mark.slow
def test_pg_cron_that_is_not_loaded_is_said():
    with debian_postgresql.running(shared_preload_libraries="''") as server:
        refused = server.manage("postgres", "install_pg_cron")
    assert (refused.returncode, refused.stderr) == (
        1,
        "CommandError: pg_cron is installed but not loaded: add it to shared_preload_libraries and restart the "
        "database server.\n",
    )
