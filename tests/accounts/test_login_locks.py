"""Guessing passwords: after some failures one waits, ever longer; the owner elsewhere does not."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from accounts import login_locks
from accounts.login_locks import OF_NAME, OF_NETWORK
from accounts.models import LoginLock, User
from jobs.models import AuditEntry

pytestmark = pytest.mark.django_db
PASSWORD = "a long good password"


@pytest.fixture(autouse=True)
def boss():
    return User.objects.create_superuser("boss", PASSWORD)


def log_in(password=PASSWORD, name="boss", client=None, **extra):
    return (client or Client()).post(reverse("admin:login"), {"username": name, "password": password}, **extra)


def fail(times, **how):
    for _ in range(times):
        answer = log_in("wrong", **how)
    return answer.content.decode()


def let_pass(length):
    """Move what was counted into the past."""
    moved = {name: F(name) - length for name in ("last_failed_at", "locked_until")}
    LoginLock.objects.update(**moved)


def test_a_few_failures_are_nobodys_business():
    assert "Too many" not in fail(OF_NAME.allowed - 1)
    assert log_in().status_code == 302
    assert not LoginLock.objects.filter(name="boss").exists()


def test_after_some_more_even_the_right_password_has_to_wait_and_the_page_says_how_long():
    assert "Too many failed attempts. Try again in 1 min" in fail(OF_NAME.allowed)
    assert log_in().status_code == 200
    let_pass(OF_NAME.first_wait)
    assert log_in().status_code == 302


def test_each_further_failure_doubles_the_wait_up_to_the_longest():
    fail(OF_NAME.allowed)
    waits = []
    for _ in range(8):
        lock = LoginLock.objects.get(name="boss")
        waits.append(lock.locked_until - lock.last_failed_at)
        let_pass(OF_NAME.longest_wait)
        fail(1)
    assert waits == [min(OF_NAME.first_wait * 2**times, OF_NAME.longest_wait) for times in range(8)]


def test_attempts_while_one_has_to_wait_make_it_no_longer():
    fail(OF_NAME.allowed)
    before = LoginLock.objects.get(name="boss").locked_until
    fail(3)
    assert LoginLock.objects.get(name="boss").locked_until == before


def test_the_owner_gets_in_from_elsewhere():
    fail(OF_NAME.allowed, REMOTE_ADDR="203.0.113.9")
    assert log_in(REMOTE_ADDR="203.0.113.9").status_code == 200
    assert log_in(REMOTE_ADDR="198.51.100.7").status_code == 302


def test_a_network_that_tries_many_names_has_to_wait_with_all_of_them():
    for number in range(OF_NETWORK.allowed):
        fail(1, name=f"name-{number}", REMOTE_ADDR="203.0.113.9")
    assert log_in(REMOTE_ADDR="203.0.113.9").status_code == 200
    assert log_in(REMOTE_ADDR="198.51.100.7").status_code == 302
    let_pass(OF_NETWORK.forgotten_after + timedelta(minutes=1))
    assert log_in(REMOTE_ADDR="203.0.113.9").status_code == 302


def test_those_who_come_in_are_not_counted_against_their_network():
    for _ in range(OF_NETWORK.allowed + 5):
        login_locks.count_attempt(_request(), "boss")
        login_locks.forget(_request(), "boss")
    assert not LoginLock.objects.exists()


def test_names_that_do_not_exist_are_treated_alike_and_strange_ones_harm_nothing():
    for name in ("nobody", "n" * 5000, "ユーザー"):
        assert log_in("wrong", name=name).status_code == 200
    assert "Too many" in fail(OF_NAME.allowed, name="nobody")


def test_that_somebody_is_locked_out_is_in_the_audit_log():
    fail(OF_NAME.allowed)
    entry = AuditEntry.objects.get(action="lock out")
    assert entry.actor is None
    assert entry.details["failures"] == OF_NAME.allowed


def test_an_administrator_lifts_it_and_nobody_else(client):
    fail(OF_NAME.allowed)
    lock = LoginLock.objects.get(name="boss")
    for role, status in (("operator", 403), ("viewer", 403), ("admin", 302)):
        client.force_login(User.objects.create_user(f"the-{role}", role=role))
        listed = client.get(reverse("admin:accounts_loginlock_changelist"))
        assert "boss" in listed.content.decode()
        address = reverse("admin:accounts_loginlock_lift", args=[lock.pk])
        assert client.post(address, {"reason": "they called"}).status_code == status
    assert log_in().status_code == 302
    entry = AuditEntry.objects.get(action="lift lock")
    assert (entry.actor_name, entry.reason) == ("the-admin", "they called")


def test_what_counts_no_more_is_forgotten():
    fail(1)
    assert login_locks.prune() == 0
    let_pass(OF_NAME.forgotten_after + timedelta(minutes=1))
    assert login_locks.prune() == 2


def _request():
    return Client().post(reverse("admin:login"), {}).wsgi_request
