from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.activity import note_key_use
from accounts.models import User
from accounts.rate_limits import FAILED_LOGINS_PER_MINUTE
from tests.api_client import client_of, problem, with_key
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ME = "/api/v1/me"


def test_a_key_lets_its_owner_in():
    user = UserFactory()
    assert client_of(user).get(ME).json()["user_id"] == user.user_id


def test_no_key_is_asked_for_one(client):
    response = client.get(ME)
    problem(response, 401, "not-authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="ekiden"'


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Token x",
        "Bearer é",
        "Bearer " + "x" * 10_240,
        "Bearer a b c",
        "bearer\x7f",
    ],
)
def test_odd_headers_are_refused(client, header):
    problem(client.get(ME, HTTP_AUTHORIZATION=header), 401, "invalid-key")


def test_an_unknown_key_and_a_revoked_one_get_the_same_answer():
    user = UserFactory()
    client = client_of(user)
    keys.revoke(user)
    revoked = problem(client.get(ME), 401, "invalid-key")
    unknown = problem(with_key(keys.generate()).get(ME), 401, "invalid-key")
    for body in (revoked, unknown):
        body.pop("request_id")
    assert revoked == unknown


def test_a_disabled_user_is_shut_out_at_once():
    user = UserFactory()
    client = client_of(user)
    assert client.get(ME).status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    problem(client.get(ME), 401, "account-disabled")


def test_an_ended_key_says_so_and_counts_as_a_failed_login():
    user = UserFactory()
    client = client_of(user)
    User.objects.filter(pk=user.pk).update(api_key_expires_at=timezone.now())
    for _ in range(FAILED_LOGINS_PER_MINUTE):
        problem(client.get(ME), 401, "key-expired")
    problem(client.get(ME), 429, "rate-limit-exceeded")


@pytest.mark.parametrize("parameter", ["api_key", "access_token", "anything"])
def test_a_key_in_the_url_is_refused_even_when_it_is_right(parameter):
    user = UserFactory()
    key = keys.issue(user)
    body = problem(with_key(key).get(ME, {parameter: key}), 401, "key-in-url")
    assert key not in str(body)


def test_failed_logins_of_one_address_come_to_an_end_and_good_keys_still_work(client):
    user = UserFactory()
    good = client_of(user)
    statuses = [
        client.get(ME, HTTP_AUTHORIZATION="Bearer wrong").status_code for _ in range(FAILED_LOGINS_PER_MINUTE + 1)
    ]
    assert statuses == [401] * FAILED_LOGINS_PER_MINUTE + [429]
    response = client.get(ME, HTTP_AUTHORIZATION="Bearer wrong")
    problem(response, 429, "rate-limit-exceeded")
    assert 1 <= int(response["Retry-After"]) <= 61
    assert good.get(ME).status_code == 200
    elsewhere = client.get(ME, HTTP_AUTHORIZATION="Bearer wrong", REMOTE_ADDR="203.0.113.9")
    problem(elsewhere, 401, "invalid-key")


def test_use_is_noted_at_most_once_a_minute():
    user = UserFactory()
    client = client_of(user)
    client.get(ME)
    first = User.objects.get(pk=user.pk)
    assert first.api_key_last_used_at is not None
    assert first.last_active_at == first.api_key_last_used_at
    client.get(ME)
    assert User.objects.get(pk=user.pk).api_key_last_used_at == first.api_key_last_used_at
    User.objects.filter(pk=user.pk).update(api_key_last_used_at=F("api_key_last_used_at") - timedelta(seconds=61))
    client.get(ME)
    assert User.objects.get(pk=user.pk).api_key_last_used_at > first.api_key_last_used_at - timedelta(seconds=61)


def test_of_two_processes_that_notice_at_once_one_writes():
    user = UserFactory()
    seen = [User.objects.get(pk=user.pk) for _ in range(2)]
    note_key_use(seen[0])
    first = User.objects.get(pk=user.pk)
    note_key_use(seen[1])
    assert User.objects.get(pk=user.pk).updated_at == first.updated_at


def updates(queries):
    return [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]


def test_a_person_in_the_admin_is_noted_at_most_once_a_minute(client):
    user = UserFactory(role="viewer")
    client.force_login(user)
    page = reverse("admin:accounts_user_changelist")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    # And the session, in which the time is noted that it is measured by.
    assert [update.split(" ")[1] for update in updates(queries)] == ['"users"', '"django_session"']
    first = User.objects.get(pk=user.pk)
    assert first.last_active_at is not None
    assert first.api_key_last_used_at is None, "no key was used"
    with CaptureQueriesContext(connection) as queries:
        client.get(page)
        client.get(ME)
    assert updates(queries) == []
    User.objects.filter(pk=user.pk).update(last_active_at=F("last_active_at") - timedelta(seconds=61))
    client.get(page)
    assert User.objects.get(pk=user.pk).last_active_at > first.last_active_at


def test_a_disabled_persons_session_ends_at_once(client):
    user = UserFactory(role="admin")
    client.force_login(user)
    page = reverse("admin:accounts_user_changelist")
    assert client.get(page).status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(page).status_code == 302
    problem(client.get(ME), 401, "not-authenticated")


def test_a_role_that_is_taken_away_ends_its_rights_at_once(client):
    user = UserFactory(role="admin")
    client.force_login(user)
    program = client_of(user)
    assert program.get("/api/v1/users").status_code == 200
    User.objects.filter(pk=user.pk).update(role="user")
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 302
    problem(program.get("/api/v1/users"), 403, "role-missing")


def test_staff_who_are_logged_in_may_read_and_need_the_csrf_token_to_write():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(role="admin"))
    assert client.get(ME).status_code == 200
    response = client.post("/api/v1/users", {"user_id": "x"}, content_type="application/json")
    problem(response, 403, "permission-denied")


def test_a_session_of_somebody_without_a_staff_role_does_not_count(client):
    client.force_login(UserFactory(role="user"))
    problem(client.get(ME), 401, "not-authenticated")
