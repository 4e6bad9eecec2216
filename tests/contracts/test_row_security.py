"""No way around the row-level security: by a partition, a view, or a table that somebody forgot."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection, models

from accounts.models import User
from config.roles.declared import APP, OPERATOR, WORKER
from tests.database_roles import parameters
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_roles")]

#: Tables without row-level security: what is in them belongs to no user, or is of the admin and its staff.
SHARED = {
    *("workspaces", "rate_limit_windows", "schema_version", "users_groups", "users_user_permissions"),
    *(
        "functions",
        "job_queues",
        "job_workers",
        "job_supervisors",
        "job_processing_locks",
        "job_chores",
        "job_outcome_counters",
        "job_queue_minutes",
        "job_queue_totals",
    ),
    # Ids alone, read by workers.
    "job_release_checks",
    # Names of files, read by workers.
    "loose_files",
    # Counts, under names of queues, job types and keys.
    *("job_event_counts", "job_wait_counters"),
    *("job_rate_windows", "job_lane_turns"),
    # Numbers, which the web process may not read.
    *("article_vectors", "article_terms"),
    *("cached_values", "cache_counters"),
    # How far search has come, ids, and what the engine said of a document; for workers and operators.
    *("job_search_indexes", "job_search_slots", "job_search_tombstones", "job_search_rejections"),
    # Providers of summaries, and counts by their names.
    *("ai_providers", "ai_call_slots", "ai_provider_days"),
    *("late_hours", "rollup_state", "runtime_metrics", "cache_metrics", "cache_readings", "recorder_alarms"),
    # Of logins, before anybody is known; and what codes are checked against, for staff alone.
    *("login_locks", "otp_totp_totpdevice", "otp_static_staticdevice", "otp_static_statictoken"),
    *("django_admin_log", "django_content_type", "django_migrations", "django_session"),
    *("auth_group", "auth_group_permissions", "auth_permission"),
}


def rows(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_every_table_is_guarded_or_named_as_shared() -> None:
    """A new table belongs into one of the two: RowSecurity in its migration, or SHARED."""
    found = {
        name: (enabled, forced)
        for name, enabled, forced in rows(
            "SELECT relname, relrowsecurity, relforcerowsecurity"
            " FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname IN ('public', 'meta', 'analytics')"
        )
    }
    guarded = {name for name, security in found.items() if security == (True, True)}
    assert guarded == {name for name, security in found.items() if any(security)}, "enabled, but not forced"
    assert found.keys() - guarded == SHARED
    assert {"users", "job_queue", "sessions", "request_logs", "error_logs"} <= guarded


def test_tables_of_users_are_guarded() -> None:
    """What has a column for the user's name or key cannot be called shared."""
    columns = {"user", "user_id", "actor", "actor_id"}
    owned = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if columns & {field.name for field in model._meta.get_fields() if isinstance(field, models.Field)}
    }
    # Which groups a user is in, and what staff did in the admin: for the admin's pages only. The devices of staff are
    # for nobody who acts as themselves: the web's own role may not touch them.
    devices = {"otp_totp_totpdevice", "otp_static_staticdevice"}
    assert owned & SHARED == {"users_groups", "users_user_permissions", "django_admin_log", *devices}


def test_each_policy_of_a_user_fails_closed() -> None:
    found = rows("SELECT tablename, policyname, qual FROM pg_policies WHERE qual LIKE '%current_setting%'")
    assert len(found) >= 10
    for table, policy, rule in found:
        # Computed once for a query, with '' as nobody.
        assert rule.count("NULLIF(current_setting('app.") == rule.count("current_setting("), (table, policy)
        assert "SELECT" in rule and ", true)" in rule, (table, policy)


@pytest.fixture
def logs() -> User:
    """A request log of Bob's, and what was counted of it."""
    bob = UserFactory(user_id="bob")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO request_logs (request_id, language_title, timestamp, user_id, status_code, duration_ms)"
            " VALUES ('r', 'python-x', now(), 'bob', 200, 5)"
        )
    return bob


def test_a_partition_is_closed_and_its_parent_shows_ones_own(logs: User) -> None:
    partition = f"request_logs_{datetime.now(UTC):y%Ym%m}"
    assert rows(f"SELECT count(*) FROM {partition}") == [(1,)]
    for role in (APP, OPERATOR, WORKER):
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")
            try:
                with pytest.raises(Exception, match="permission denied for table"):
                    cursor.execute(f"SELECT count(*) FROM {partition}")
            finally:
                cursor.execute("RESET ROLE")
    with psycopg.connect(**parameters(user=APP)) as app:
        assert app.execute("SELECT count(*) FROM request_logs").fetchone() == (0,)
        app.execute("SELECT act_as('ada', NULL, 'user')")
        assert app.execute("SELECT count(*) FROM request_logs").fetchone() == (0,)
        app.execute("SELECT act_as('bob', NULL, 'user')")
        assert app.execute("SELECT count(*) FROM request_logs").fetchone() == (1,)


def test_views_ask_with_the_rights_of_who_asks(logs: User) -> None:
    views = rows(
        "SELECT c.oid::regclass::text, c.reloptions FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = 'v' AND nspname IN ('public', 'meta', 'analytics')"
    )
    assert [name for name, options in views if "security_invoker=true" not in (options or [])] == []
    materialized = [name for (name,) in rows("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm'")]
    with psycopg.connect(**parameters(user=APP)) as app:
        for name in materialized:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
                app.execute(f"SELECT FROM {name}")


def test_what_was_counted_for_others_is_not_shown() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO error_hours (user_id, hour, language_title, error_code, errors, first_occurrence,"
            " last_occurrence, statuses, example)"
            " SELECT u, date_trunc('hour', now()), 'python-x', 'E', 1, now(), now(), '{}', ekiden_uuid7()"
            " FROM unnest(ARRAY['', 'ada', 'bob']) AS u"
        )
    with psycopg.connect(**parameters(user=APP)) as app:
        for actor, role, count in (("ada", "user", 1), ("", "user", 0), ("", "", 0), ("ada", "operator", 3)):
            with app.transaction():
                app.execute("SELECT act_as(%s, NULL, %s)", [actor, role])
                assert app.execute("SELECT count(*) FROM error_hours").fetchone() == (count,)


def test_a_dump_by_anybody_but_the_backup_role_refuses_to_be_partial() -> None:
    with psycopg.connect(**parameters(user=APP)) as app:
        app.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="would be affected by row-level security"):
            app.execute("SELECT * FROM job_queue")
