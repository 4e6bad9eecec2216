"""The database by itself keeps users apart, and hands nobody's rights on to the next who comes."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts import keys
from accounts.models import User
from accounts.password_backend import LimitedPasswordBackend
from accounts.roles import Role
from accounts.row_security import acting_as, acting_as_system
from config.roles.declared import APP
from jobs.models import Job
from tests.database_roles import parameters, working_as
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> User:
    return UserFactory(user_id="ada")


@pytest.fixture
def bob() -> User:
    return UserFactory(user_id="bob")


@pytest.fixture(autouse=True)
def as_app(database_roles: None, ada: User, bob: User) -> Iterator[None]:
    """Two users with a job each, and a connection with the rights of the web process."""
    for user in (ada, bob):
        Job.objects.create(job_type="note", user=user)
    with working_as(APP):
        yield


def seen() -> tuple[set[str], int]:
    return set(User.objects.values_list("user_id", flat=True)), Job.objects.count()


def current() -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user::text, current_setting('app.current_user_id', true),"
            " current_setting('app.current_role', true)"
        )
        user, actor, role = cursor.fetchone()
    return user, actor or "", role or ""


def test_without_an_actor_there_is_nothing() -> None:
    assert seen() == (set(), 0)
    with transaction.atomic():
        assert seen() == (set(), 0)
    with acting_as(AnonymousUser()):
        assert seen() == (set(), 0)


def test_a_user_sees_what_is_theirs(ada: User) -> None:
    with acting_as(ada):
        assert seen() == ({"ada"}, 1)
        assert Job.objects.get().user_id == ada.pk


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN, Role.VIEWER, Role.WORKER])
def test_staff_and_workers_see_everything(role: Role, ada: User) -> None:
    ada.role = role
    with acting_as(ada):
        assert seen() == ({"ada", "bob"}, 2)
        assert current() == ("ekiden_operator", "ada", role)
    assert seen() == (set(), 0)


def test_the_system_sees_everything_and_nobody_inherits_that() -> None:
    with acting_as_system():
        assert seen() == ({"ada", "bob"}, 2)
    assert current() == (APP, "", "")
    assert seen() == (set(), 0)


def test_after_an_inner_actor_the_outer_one_is_back(ada: User, bob: User) -> None:
    bob.role = Role.OPERATOR
    with acting_as(ada):
        with acting_as(bob):
            assert seen()[1] == 2
        assert current() == (APP, "ada", "user")
        with pytest.raises(ZeroDivisionError), acting_as_system():
            _ = 1 / 0
        assert current() == (APP, "ada", "user")
        with acting_as_system():
            transaction.set_rollback(True)
        assert current() == (APP, "ada", "user")
        assert seen() == ({"ada"}, 1)
    with transaction.atomic():
        with acting_as(bob):
            assert seen()[1] == 2
        assert current() == (APP, "", "")


def test_a_statement_that_failed_leaves_the_actor(ada: User) -> None:
    with acting_as(ada):
        with pytest.raises(IntegrityError), transaction.atomic():
            Job.objects.create(job_type="note", user=ada, priority=1_000)
        assert current() == (APP, "ada", "user")
        with pytest.raises(IntegrityError), acting_as_system():
            Job.objects.create(job_type="note", user=ada, priority=1_000)
        assert current() == (APP, "ada", "user")


def test_an_error_takes_back_what_the_actor_did(ada: User) -> None:
    with pytest.raises(ZeroDivisionError), acting_as(ada):
        Job.objects.create(job_type="note", user=ada)
        _ = 1 / 0
    with acting_as(ada):
        assert seen() == ({"ada"}, 1)


def test_rows_of_others_can_be_neither_made_nor_changed_nor_taken(ada: User, bob: User) -> None:
    with acting_as(ada):
        assert Job.objects.filter(user=bob).update(priority=9) == 0
        for act in (
            lambda: Job.objects.create(job_type="note", user=bob),
            lambda: Job.objects.create(job_type="note"),
            lambda: Job.objects.update(user=bob),
            lambda: UserFactory(user_id="eve"),
            lambda: User.objects.filter(pk=bob.pk).update(name="Eve"),
        ):
            with pytest.raises(ProgrammingError), transaction.atomic():
                act()


def test_staff_change_their_own_password_and_never_their_role(ada: User) -> None:
    ada.role = Role.OPERATOR
    with acting_as_system():
        ada.save()
    with acting_as(ada):
        ada.set_password("correct horse battery staple")
        ada.save(update_fields=["password"])
        assert User.objects.exclude(pk=ada.pk).update(name="Eve") == 0
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            User.objects.filter(pk=ada.pk).update(role=Role.ADMIN)
    ada.role = Role.ADMIN
    with acting_as(ada):
        assert User.objects.update(name="Renamed") == 2


def test_keys_and_passwords_are_checked_before_anybody_is_known(ada: User) -> None:
    with acting_as_system():
        key = keys.issue(ada)
        ada.set_password("correct horse battery staple")
        ada.save(update_fields=["password"])
    assert keys.find_owner(key) == ada
    assert keys.find_owner(keys.generate()) is None
    backend = LimitedPasswordBackend()
    assert backend.authenticate(None, "ada", "correct horse battery staple") == ada
    assert backend.get_user(ada.pk) == ada
    assert current() == (APP, "", "")


def test_what_a_transaction_leaves_on_its_connection_says_nothing_of_the_next(ada: User) -> None:
    with psycopg.connect(**parameters(user=APP), autocommit=True) as app:
        with app.transaction():
            app.execute("SELECT act_as(%s, %s, %s)", [ada.user_id, ada.pk, ada.role])
            assert app.execute("SELECT count(*) FROM job_queue").fetchone() == (1,)
        # Not NULL any more, and no uuid either.
        assert app.execute("SELECT current_setting('app.current_user_pk', true)").fetchone() == ("",)
        assert app.execute("SELECT count(*) FROM job_queue").fetchone() == (0,)
        # Outside of a transaction the actor is over with the statement.
        app.execute("SELECT act_as(%s, %s, 'system')", [ada.user_id, ada.pk])
        assert app.execute("SELECT count(*), current_user::text FROM job_queue").fetchone() == (0, APP)


def test_a_lock_does_not_give_away_who_is_there(ada: User) -> None:
    with acting_as(ada):
        assert [job.user_id for job in Job.objects.select_for_update(of=("self",))] == [ada.pk]


@pytest.mark.parametrize("role", ["postgres", "pg_read_all_data", "ekiden_worker", "ekiden_backup"])
def test_the_app_can_become_nobody_but_the_operator(role: str) -> None:
    with psycopg.connect(**parameters(user=APP)) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"SET ROLE {role}")


def test_names_that_somebody_chose_are_no_part_of_the_rule(ada: User) -> None:
    eve: Any = UserFactory.build(user_id="' OR true --")
    with acting_as(eve):
        assert seen() == (set(), 0)
