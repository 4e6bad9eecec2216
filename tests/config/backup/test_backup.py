import json
import os
import signal
import subprocess
import sys
import threading
from io import StringIO

import psutil
import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from config.backup import programs
from config.backup.making import make
from config.backup.manifest import MANIFEST, SUMS, Manifest
from config.backup.places import places
from config.exceptions import BackupFailed


def silent(description, total):
    return lambda name: None


def wait_for_pg_dump(here, still_working):
    """Wait until pg_dump waits for a table's lock."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE 'LOCK TABLE%' AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(**here, autocommit=True) as looker:
        while not looker.execute(waiting).fetchone():
            assert still_working()


def test_a_backup_is_whole_and_private(backup):
    assert {path.name for path in backup.iterdir()} >= {"default.dump", MANIFEST, SUMS}
    assert backup.stat().st_mode & 0o777 == 0o700
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=backup, check=True)
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_the_manifest_counts_every_table(backup):
    told = Manifest.read(backup).databases
    rows = {name: table.rows for database in told.values() for name, table in database.tables.items()}
    assert rows["public.job_queue"] == 22 and rows["public.job_dead_letter_queue"] == 1
    assert rows["public.request_logs_y2025m04"] == 30 and rows["public.request_logs"] == 0
    assert rows["meta.schema_version"] > 0 and rows["meta.sessions"] == 1


@pytest.mark.django_db(transaction=True)
def test_progress_is_told_table_by_table(tmp_path):
    ticks = {}
    steps = {}

    def begin(description, total):
        steps[description], ticks[description] = total, []
        return ticks[description].append

    make(tmp_path, {"default": places()["default"]}, begin)
    assert set(steps) == {"default: rows written", "default: rows summed up"}
    for description, total in steps.items():
        assert len(set(ticks[description])) == len(ticks[description]) == total > 20


@pytest.mark.django_db(transaction=True)
def test_a_killed_pg_dump_leaves_nothing(tmp_path):
    """pg_dump is killed while it waits for a table that somebody else holds."""
    here = places()["default"]
    with psycopg.connect(**here) as holder:
        holder.execute("LOCK TABLE job_queue IN ACCESS EXCLUSIVE MODE")
        failed = []

        def back_up():
            try:
                make(tmp_path, {"default": here}, silent)
            except BackupFailed as exc:
                failed.append(str(exc))

        thread = threading.Thread(target=back_up)
        thread.start()
        wait_for_pg_dump(here, thread.is_alive)
        [process] = [child for child in psutil.Process(os.getpid()).children() if child.name() == "pg_dump"]
        process.send_signal(signal.SIGKILL)
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert failed == ["pg_dump was ended by signal 9: it gave no reason"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_stopping_the_command_stops_pg_dump_and_leaves_nothing(tmp_path):
    here = places()["default"]
    url = f"postgresql://{here['user']}@/{here['dbname']}?host={here['host']}&port={here['port']}"
    with psycopg.connect(**here) as holder:
        holder.execute("LOCK TABLE job_queue IN ACCESS EXCLUSIVE MODE")
        command = subprocess.Popen(
            [sys.executable, "manage.py", "backup", "--output", str(tmp_path)],
            cwd=django_settings.BASE_DIR,
            env={**os.environ, "DATABASE_URL": url},
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_pg_dump(here, lambda: command.poll() is None)
        [dumping] = [child for child in psutil.Process(command.pid).children() if child.name() == "pg_dump"]
        command.terminate()
        _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert said.strip().endswith("Stopped; nothing was kept.") and "Traceback" not in said
    assert not dumping.is_running()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
class TestRefusals:
    def test_a_role_that_row_security_applies_to(self, tmp_path, settings):
        here = places()["default"]
        with psycopg.connect(**here, autocommit=True) as admin:
            admin.execute("DROP ROLE IF EXISTS ekiden_test_guarded")
            admin.execute("CREATE ROLE ekiden_test_guarded LOGIN")
            settings.BACKUP_DATABASE_URL = (
                f"postgresql://ekiden_test_guarded@/{here['dbname']}?host={here['host']}&port={here['port']}"
            )
            try:
                with pytest.raises(CommandError, match=r"ekiden_test_guarded sees only .* BACKUP_DATABASE_URL"):
                    call_command("backup", output=tmp_path, stdout=StringIO())
            finally:
                admin.execute("DROP ROLE ekiden_test_guarded")
        assert list(tmp_path.iterdir()) == []

    def test_no_pg_dump_that_is_new_enough(self, tmp_path, monkeypatch):
        monkeypatch.setattr(programs, "_inspect", lambda directory: programs.Programs(directory, 9))
        with pytest.raises(CommandError, match=r"or newer is needed, and here is 9 in .* postgresql-client-"):
            call_command("backup", output=tmp_path, stdout=StringIO())

    def test_a_directory_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(CommandError, match="cannot be made: "):
            call_command("backup", output=tmp_path / "file", stdout=StringIO())

    def test_an_archive_that_lacks_a_table(self, tmp_path, monkeypatch):
        """A pg_dump that leaves something out and is content with itself is not believed."""
        whole = programs.Programs.command
        monkeypatch.setattr(
            programs.Programs,
            "command",
            lambda self, program, *rest: whole(
                self, program, *(["--exclude-table=job_queue"] if program == "pg_dump" else []), *rest
            ),
        )
        with pytest.raises(CommandError, match=r"lacks tables that the database has: public\.job_queue\."):
            call_command("backup", output=tmp_path, stdout=StringIO())
        assert list(tmp_path.iterdir()) == []


def test_the_closest_programs_are_chosen(monkeypatch):
    majors = {"/a": 18, "/b": 16, "/c": 14}
    monkeypatch.setattr(programs, "_places", lambda: iter(majors))
    monkeypatch.setattr(programs, "_inspect", lambda directory: programs.Programs(directory, majors[directory]))
    assert [programs.find(major).major for major in (13, 15, 16, 17, 18)] == [14, 16, 16, 18, 18]


def test_the_password_is_not_on_the_command_line():
    parameters = {"user": "ekiden_backup", "password": "hush", "dbname": "it's", "sslmode": "require"}
    assert programs.environment(parameters)["PGPASSWORD"] == "hush"
    assert programs.conninfo(parameters) == r"dbname='it\'s' sslmode='require'"


def test_the_manifest_reads_itself(backup):
    manifest = Manifest.read(backup)
    assert json.loads((backup / MANIFEST).read_text())["made_at"] == manifest.made_at
