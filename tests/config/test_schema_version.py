from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.loader import MigrationLoader

from accounts.models import SchemaVersion
from config.schema_version import OUR_APPS, record_migrations

pytestmark = pytest.mark.django_db


def receive() -> None:
    record_migrations(apps.get_app_config("accounts"), using=DEFAULT_DB_ALIAS)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_every_migration_of_ours_has_a_row():
    ours = {f"{app}.{name[:4]}" for app, name in MigrationLoader(connection).graph.nodes if app in OUR_APPS}
    assert set(SchemaVersion.objects.values_list("version", flat=True)) == ours
    first = SchemaVersion.objects.get(version="accounts.0003")
    assert first.description == "Schema version"
    assert first.applied_by.startswith(connection.get_connection_params()["user"])


def test_rows_say_when_the_migration_was_applied():
    execute("UPDATE django_migrations SET applied = '2026-01-02 03:04Z' WHERE app = 'jobs' AND name LIKE '0001%'")
    SchemaVersion.objects.filter(version="jobs.0001").delete()
    receive()
    assert f"{SchemaVersion.objects.get(version='jobs.0001').applied_at:%d %H:%M}" == "02 03:04"


def test_receiving_again_changes_nothing():
    before = list(SchemaVersion.objects.values())
    receive()
    assert list(SchemaVersion.objects.values()) == before


def test_what_was_taken_back_is_struck():
    execute("DELETE FROM django_migrations WHERE app = 'jobs' AND name LIKE '0005%'")
    receive()
    assert not SchemaVersion.objects.filter(version="jobs.0005").exists()
    assert SchemaVersion.objects.filter(version="jobs.0004").exists()


def test_a_database_from_before_the_table_is_left_alone():
    execute("ALTER TABLE meta.schema_version RENAME TO elsewhere")
    receive()


def test_the_command_shows_the_versions():
    output = StringIO()
    call_command("schema_version", stdout=output)
    assert "accounts.0003" in output.getvalue() and "this release's" in output.getvalue()


def test_the_command_fails_and_names_what_is_missing():
    execute("DELETE FROM django_migrations WHERE app = 'jobs' AND name >= '0005'")
    with pytest.raises(CommandError, match=r"jobs\.0005_requests_and_cache_times \(default\)"):
        call_command("schema_version", stdout=StringIO())
