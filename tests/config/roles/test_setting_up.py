"""manage.py setup_roles, on a database of its own."""

import os
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.roles.declared import ADMIN, APP, BACKUP, OPERATOR, READONLY, ROLES, WORKER
from config.roles.setting_up import set_up
from tests.database_roles import parameters

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_roles")]


def rows(sql: str, *arguments: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return cursor.fetchall()


def test_what_is_in_step_is_left_alone() -> None:
    assert set_up({}, trusted=True).statements == []


def test_roles_have_what_their_work_needs_and_no_more() -> None:
    found = {
        name: rest
        for name, *rest in rows(
            "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit FROM pg_roles"
            " WHERE rolname = ANY (%s)",
            [role.name for role in ROLES],
        )
    }
    assert found == {
        APP: [True, False, False, False, False, False],
        OPERATOR: [False, False, False, False, False, True],
        WORKER: [True, False, False, False, False, True],
        READONLY: [True, False, False, False, False, True],
        BACKUP: [True, False, True, False, False, True],
        ADMIN: [True, False, False, True, True, True],
    }
    # Only the app may become the operator, and is not one by itself.
    assert rows("SELECT pg_has_role(%s, %s, 'MEMBER'), pg_has_role(%s, %s, 'USAGE')", APP, OPERATOR, APP, OPERATOR) == [
        (True, False)
    ]
    assert rows("SELECT pg_has_role(%s, %s, 'MEMBER')", WORKER, OPERATOR) == [(False,)]


def test_nobody_but_the_owner_makes_anything_in_public() -> None:
    for role in ROLES:
        for schema in ("public", "meta", "analytics"):
            assert rows("SELECT has_schema_privilege(%s, %s, 'CREATE')", role.name, schema) == [(False,)]
    assert rows("SELECT has_schema_privilege('public', 'public', 'CREATE')") == [(False,)]


def test_partitions_are_for_backups_alone() -> None:
    partitions = [
        name for (name,) in rows("SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r'")
    ]
    assert partitions
    for role in ROLES:
        may = {
            name
            for name in partitions
            if rows("SELECT has_table_privilege(%s, %s, 'SELECT, INSERT, UPDATE, DELETE')", role.name, name)
            == [(True,)]
        }
        assert may == (set(partitions) if role.name == BACKUP else set())


def test_what_somebody_granted_is_taken_back() -> None:
    (partition,) = rows("SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r' LIMIT 1")[0]
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT ON {partition} TO {APP}")
        cursor.execute(f"GRANT UPDATE ON job_audit_log TO {OPERATOR}")
        cursor.execute("GRANT EXECUTE ON FUNCTION meta.find_key_owner(text) TO PUBLIC")
        cursor.execute(f"ALTER ROLE {WORKER} IN DATABASE {connection.settings_dict['NAME']} RESET search_path")
    shown = StringIO()
    call_command("setup_roles", "--dry-run", stdout=shown, stderr=StringIO())
    done = set_up({}, trusted=True).statements
    assert set(done) == {
        f"REVOKE SELECT ON public.{partition} FROM {APP}",
        f"REVOKE UPDATE ON public.job_audit_log FROM {OPERATOR}",
        "REVOKE EXECUTE ON FUNCTION find_key_owner(text) FROM PUBLIC",
        f"ALTER ROLE {WORKER} IN DATABASE {connection.settings_dict['NAME']} SET search_path = public, meta, analytics",
    }
    assert set(done) <= {line.rstrip(";") for line in shown.getvalue().splitlines()}
    assert set_up({}, trusted=True).statements == []


def test_functions_that_act_as_their_owner_are_nobodys_by_default() -> None:
    definers = rows(
        "SELECT p.oid::regprocedure::text, has_function_privilege('public', p.oid, 'EXECUTE'), proconfig IS NOT NULL"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
        " WHERE prosecdef AND nspname IN ('public', 'meta', 'analytics')"
    )
    assert len(definers) >= 3
    assert [name for name, public, path_fixed in definers if public or not path_fixed] == []


def test_readers_see_no_hash_of_a_key_or_password() -> None:
    with psycopg.connect(**parameters(user=READONLY)) as reader:
        assert reader.execute("SELECT count(user_id) FROM meta.users").fetchone() == (0,)
        for column in ("password", "api_key_hash", "retired_api_key_hash"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
                reader.execute(f"SELECT {column} FROM meta.users")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
            reader.execute("SELECT * FROM django_session")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), reader.transaction():
            reader.execute("CREATE TEMP TABLE t ()")


def test_a_session_begins_with_the_settings_of_its_role() -> None:
    with psycopg.connect(**parameters(user=APP)) as app:
        assert app.execute("SHOW search_path").fetchone() == ("public, meta, analytics",)
        assert app.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
        # A table of the same name elsewhere is not found first.
        assert app.execute("SELECT 'users'::regclass::text, 'job_queue'::regclass::text").fetchone() == (
            "users",
            "job_queue",
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE public.job_queue_of_mine ()")


def test_a_password_reaches_the_server_as_a_verifier_only(settings: Any) -> None:
    # A role that no other run logs in as with a password: on this server nobody needs one.
    settings.ROLE_PASSWORDS = {READONLY: "open sesame 走"}
    settings.DATABASE_TRUSTS = True
    seen: list[str] = []

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(str(sql))
        return execute(sql, *rest)

    shown = StringIO()
    with connection.execute_wrapper(watch):
        call_command("setup_roles", stdout=shown)
    assert f"ALTER ROLE {READONLY} PASSWORD (of READONLY_DB_PASSWORD);" in shown.getvalue()
    assert not [sql for sql in [*seen, shown.getvalue()] if "sesame" in sql]
    (verifier,) = rows("SELECT rolpassword FROM pg_authid WHERE rolname = %s", READONLY)[0]
    assert verifier.startswith("SCRAM-SHA-256$") and any(verifier in sql for sql in seen)


def test_a_login_that_somebody_gave_is_kept() -> None:
    report = set_up({}, trusted=False, dry_run=True)
    assert (report.statements, report.warnings) == ([], [])


@pytest.fixture
def elsewhere(django_db_blocker: Any) -> Iterator[str]:
    """An empty database of a role that may create roles and is no superuser."""
    name = f"{os.environ.get('TEST_DB_NAME', 'test_ekiden')}_owned"
    with psycopg.connect(**parameters(dbname="postgres"), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}"')
        yield name
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_before_migrate_there_is_nothing_to_give(elsewhere: str) -> None:
    connection.close()
    try:
        # Back before the test's own database is tidied.
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(connection.settings_dict, "NAME", elsewhere)
            with pytest.raises(CommandError, match=r"run manage\.py migrate first"):
                call_command("setup_roles")
    finally:
        connection.close()
