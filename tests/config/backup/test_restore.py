import shutil
from dataclasses import replace
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command

from config.backup.manifest import MANIFEST, Manifest, archive, seal

# pytest makes only those databases that a marked test asks for.
pytestmark = pytest.mark.django_db(transaction=True)


def restore(backup, **options):
    said = StringIO()
    call_command("restore", backup, stdout=said, **options)
    return said.getvalue()


def back_up(output):
    said = StringIO()
    call_command("backup", output=output, stdout=said)
    return Manifest.read(output / said.getvalue().splitlines()[-1])


def query(parameters, statement):
    with psycopg.connect(**parameters, autocommit=True) as database:
        return database.execute(statement).fetchall()


@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_comes_back(backup, empty, jobs):
    said = restore(backup, jobs=jobs)
    for alias, told in Manifest.read(backup).databases.items():
        assert f"{alias}: {len(told.tables)} tables, {told.rows} rows" in said
        for name, table in told.tables.items():
            if not table.partitioned:
                assert query(empty[alias], f"SELECT count(*) FROM {name}") == [(table.rows,)], name
    call_command("migrate", check_unapplied=True, verbosity=0)
    assert query(empty["default"], "SHOW search_path") == [("public, meta, analytics",)]


def test_a_copy_of_the_copy_is_the_same(backup, empty, tmp_path):
    """The second back-up's counts and checksums, made of what was restored, are those of the first."""
    restore(backup)
    again = back_up(tmp_path)
    first = Manifest.read(backup)
    for alias, told in first.databases.items():
        assert again.databases[alias].tables == told.tables


def test_roles_get_their_rights_back_and_the_backup_role_sees_every_row(backup, empty, tmp_path, settings):
    """The runbook's last steps; then a back-up is made as the role that is there for it."""
    restore(backup)
    settings.DATABASE_TRUSTS = True
    call_command("setup_roles", stdout=StringIO(), stderr=StringIO())
    for alias, setting in (("default", "BACKUP_DATABASE_URL"), ("logs", "BACKUP_LOGS_DATABASE_URL")):
        if here := empty.get(alias):
            url = f"postgresql://ekiden_backup@/{here['dbname']}?host={here['host']}&port={here['port']}"
            setattr(settings, setting, url)
    again = back_up(tmp_path)
    for alias, told in Manifest.read(backup).databases.items():
        rows = {name: (table.rows, table.checksum) for name, table in told.tables.items()}
        assert {name: (t.rows, t.checksum) for name, t in again.databases[alias].tables.items()} == rows


def test_a_server_that_lacks_a_role_is_refused(backup, empty, tmp_path):
    copy = shutil.copytree(backup, tmp_path / "copy")
    manifest = Manifest.read(copy)
    databases = {alias: replace(told, roles=["somebody_else"]) for alias, told in manifest.databases.items()}
    replace(manifest, databases=databases).write(copy)
    seal(copy, [MANIFEST, *map(archive, databases)])
    with pytest.raises(CommandError, match=r"lacks roles .*: CREATE ROLE somebody_else;"):
        restore(copy)


def test_a_database_that_is_not_empty_is_refused(backup, empty):
    with psycopg.connect(**empty["default"], autocommit=True) as database:
        database.execute("CREATE TABLE mine (n int)")
    with pytest.raises(CommandError, match=r"is not empty \(there is public\.mine\)"):
        restore(backup)


@pytest.mark.parametrize("how", ["changed", "cut off", "missing", "no sums"])
def test_a_damaged_backup_is_refused(backup, empty, tmp_path, how):
    copy = shutil.copytree(backup, tmp_path / "copy")
    file = copy / archive("default")
    if how == "changed":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif how == "cut off":
        file.write_bytes(file.read_bytes()[:-1])
    elif how == "missing":
        file.unlink()
    else:
        (copy / "SHA256SUMS").write_text("")
    with pytest.raises(CommandError, match=r"is damaged: .*\. Use another back-up|is not a whole back-up"):
        restore(copy)
    assert query(empty["default"], "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def execute(parameters, *statements):
    with psycopg.connect(**parameters, autocommit=True) as database:
        for statement in statements:
            database.execute(statement)


def shape(parameters):
    """Describe all tables as psql would: columns, indexes, constraints, triggers, policies, grants."""
    return query(
        parameters,
        "SELECT 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE attnum > 0 AND NOT attisdropped AND nspname IN ('public', 'meta', 'analytics') "
        "AND relkind IN ('r', 'p') "
        "UNION ALL SELECT 'index', tablename, '', regexp_replace(indexdef, 'INDEX \\S+ ON', 'ON') FROM pg_indexes "
        "WHERE schemaname IN ('public', 'meta', 'analytics') "
        "UNION ALL SELECT 'constraint', conrelid::regclass::text, '', pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid <> 0 AND connamespace <> 'pg_catalog'::regnamespace "
        "UNION ALL SELECT 'trigger', tgrelid::regclass::text, '', tgname FROM pg_trigger WHERE NOT tgisinternal "
        "UNION ALL SELECT 'policy', tablename, policyname, qual FROM pg_policies "
        "UNION ALL SELECT 'guarded', oid::regclass::text, '', relforcerowsecurity::text FROM pg_class "
        "WHERE relrowsecurity ORDER BY 1, 2, 3, 4",
    )


class TestOneTable:
    @pytest.fixture
    def logs(self, empty):
        """The database that has the logs."""
        return empty.get("logs", empty["default"])

    def test_that_is_empty_is_filled(self, backup, empty):
        restore(backup)
        execute(empty["default"], "DELETE FROM meta.sessions")
        assert "1 tables, 1 rows, all as they were" in restore(backup, table="meta.sessions")
        assert query(empty["default"], "SELECT count(*) FROM meta.sessions") == [(1,)]

    def test_with_its_partitions_is_filled(self, backup, logs):
        restore(backup)
        execute(logs, "TRUNCATE request_logs")
        assert " 60 rows, all as they were" in restore(backup, table="request_logs")
        assert query(logs, "SELECT count(*) FROM request_logs") == [(60,)]

    def test_gets_its_partitions_back_one_by_one(self, backup, logs):
        restore(backup)
        before = shape(logs)
        execute(logs, "DROP TABLE request_logs_y2025m04", "TRUNCATE request_logs")
        restore(backup, table="request_logs")
        assert query(logs, "SELECT count(*) FROM request_logs WHERE timestamp < '2025-05-01Z'") == [(31,)]
        assert shape(logs) == before

    @pytest.mark.parametrize("table", ["request_logs", "analytics.cache_metrics", "error_logs"])
    def test_that_is_gone_comes_back_with_all_that_belongs_to_it(self, backup, logs, table):
        restore(backup)
        before = shape(logs)
        execute(logs, f"DROP TABLE {table} CASCADE")
        restore(backup, table=table)
        assert shape(logs) == before

    def test_that_has_rows_is_left_alone(self, backup, logs):
        restore(backup)
        with pytest.raises(CommandError, match=r"The table \S+ is not empty"):
            restore(backup, table="request_logs")
        assert query(logs, "SELECT count(*) FROM request_logs") == [(60,)]

    def test_that_the_backup_has_not_is_refused(self, backup, empty):
        with pytest.raises(CommandError, match=r"has no table 'nonsense'\. It has: \S+, "):
            restore(backup, table="nonsense", database="default")
