import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User, Workspace
from accounts.roles import Role
from accounts.uuid7 import uuid7
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def query(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_the_users_table_lives_in_meta_with_the_columns_of_the_data_model():
    rows = query(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'meta' AND table_name = 'users'"
    )
    assert {row[0] for row in rows} >= {
        "id", "user_id", "name", "email", "api_key_hash", "created_at", "updated_at", "last_active_at", "is_active",
        "rate_limit_per_minute", "allowed_languages", "role",
    }  # fmt: skip


def test_plain_names_find_the_tables_of_all_three_schemas():
    assert query("SELECT to_regclass('users')::oid = to_regclass('meta.users')::oid") == [(True,)]
    assert query("SHOW search_path") == [("public, meta, analytics",)]


def test_a_row_from_psql_gets_lawful_defaults():
    query("INSERT INTO meta.users (user_id) VALUES ('from-psql') RETURNING id")
    user = User.objects.get(user_id="from-psql")
    assert user.id.version == 7
    assert user.role == Role.USER
    assert user.is_active
    assert user.rate_limit_per_minute == 100
    assert not user.has_usable_password()


def test_ids_of_both_makers_are_version_7_and_sort_by_time():
    first = uuid7()
    second = query("SELECT ekiden_uuid7(), pg_sleep(0.002)")[0][0]
    third = query("SELECT ekiden_uuid7()")[0][0]
    assert second.version == third.version == 7
    assert second.variant == third.variant == first.variant
    assert second < third
    # Within a few milliseconds the two clocks agree.
    assert abs((second.int >> 80) - (first.int >> 80)) < 1000


def test_the_database_refuses_unknown_roles_and_limits_of_nothing():
    user = UserFactory()
    for change in ({"role": "king"}, {"tier": "gold"}, {"rate_limit_per_minute": 0}, {"retired_api_key_hash": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=user.pk).update(**change)


@pytest.mark.django_db(transaction=True)
def test_a_change_moves_updated_at_and_being_seen_does_not():
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(last_active_at=user.created_at)
    seen = User.objects.get(pk=user.pk)
    assert seen.updated_at == user.updated_at
    query("UPDATE meta.users SET name = 'Changed' WHERE id = %s RETURNING 1", user.pk)
    assert User.objects.get(pk=user.pk).updated_at > seen.updated_at


@pytest.mark.parametrize(
    ("role", "staff", "superuser"),
    [
        ("user", False, False),
        ("operator", True, False),
        ("admin", True, True),
        ("worker", False, False),
        ("viewer", True, False),
    ],
)
def test_rights_follow_from_the_role(role, staff, superuser):
    user = UserFactory(role=role)
    assert (user.is_staff, user.is_superuser) == (staff, superuser)
    assert user.has_perm("jobs.view_job") is staff
    assert user.has_perm("jobs.change_job") is (role in ("operator", "admin"))
    assert user.has_perm("accounts.change_user") is superuser


def test_a_disabled_administrator_has_no_rights():
    user = UserFactory(role="admin", is_active=False)
    assert not user.has_perm("jobs.view_job")
    assert not user.has_module_perms("jobs")


def test_create_superuser_makes_an_administrator():
    user = User.objects.create_superuser("root", "a long password")
    assert user.role == Role.ADMIN
    assert user.check_password("a long password")


def test_workspaces_have_unique_names():
    Workspace.objects.create(name="north")
    with pytest.raises(IntegrityError), transaction.atomic():
        Workspace.objects.create(name="north")


def test_new_users_get_the_limit_of_the_settings_and_keep_it(settings):
    settings.RATE_LIMIT_REQUESTS_PER_MINUTE = 7
    user = User.objects.create_user("ann")
    settings.RATE_LIMIT_REQUESTS_PER_MINUTE = 9
    user.refresh_from_db()
    assert user.rate_limit_per_minute == 7
    assert User.objects.create_user("bob").rate_limit_per_minute == 9
