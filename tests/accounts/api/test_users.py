from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import User
from tests.api_client import client_of, problem, with_key
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

USERS = "/api/v1/users"


@pytest.fixture
def client():
    return client_of(UserFactory(user_id="boss", role="admin"))


@pytest.mark.parametrize("role", ["user", "operator", "worker", "viewer"])
def test_only_administrators_may(role):
    client = client_of(UserFactory(role=role))
    bob = UserFactory()
    for response in (
        client.get(USERS),
        client.post(USERS, {"user_id": "x"}),
        client.get(f"{USERS}/{bob.user_id}"),
        client.patch(f"{USERS}/{bob.user_id}", {"role": "admin"}),
        client.post(f"{USERS}/{bob.user_id}/keys"),
        client.delete(f"{USERS}/{bob.user_id}/keys"),
    ):
        problem(response, 403, "role-missing")
    assert not User.objects.filter(user_id="x").exists()


def test_create_and_read_back(client):
    wish = {"user_id": "ann@example.org", "role": "operator", "rate_limit_per_minute": 7, "allowed_languages": ["ja"]}
    wish |= {"tier": "premium"}
    response = client.post(USERS, wish)
    assert response.status_code == 201
    assert response.json() == {**response.json(), **wish}
    assert client.get(response["Location"]).json() == response.json()
    assert not User.objects.get(user_id="ann@example.org").has_usable_password()


@pytest.mark.parametrize(
    ("wish", "pointer", "code"),
    [
        ({}, "#/user_id", "required"),
        ({"user_id": "a b"}, "#/user_id", "invalid"),
        ({"user_id": "x/y"}, "#/user_id", "invalid"),
        ({"user_id": "x", "role": "king"}, "#/role", "invalid-choice"),
        ({"user_id": "x", "tier": "gold"}, "#/tier", "invalid-choice"),
        ({"user_id": "x", "rate_limit_per_minute": 0}, "#/rate_limit_per_minute", "min-value"),
        ({"user_id": "x", "rate_limit_per_minute": 10**12}, "#/rate_limit_per_minute", "max-value"),
        ({"user_id": "x", "allowed_languages": ["ja", "x" * 33]}, "#/allowed_languages/1", "max-length"),
        ({"user_id": 7}, "#/user_id", "invalid"),
        ({"user_id": "x", "is_active": "yes"}, "#/is_active", "invalid"),
        ({"user_id": "x", "is_active": 1}, "#/is_active", "invalid"),
        ({"user_id": "x", "rate_limit_per_minute": "7"}, "#/rate_limit_per_minute", "invalid"),
        ({"user_id": "x", "rate_limit_per_minute": True}, "#/rate_limit_per_minute", "invalid"),
        ({"user_id": "x", "rate_limit_per_minute": 7.5}, "#/rate_limit_per_minute", "invalid"),
        ({"user_id": "x", "rate_limit_per_minute": None}, "#/rate_limit_per_minute", "null"),
        ({"user_id": "x", "allowed_languages": "ja"}, "#/allowed_languages", "not-a-list"),
        ({"user_id": "x", "allowed_languages": ["ja", 1]}, "#/allowed_languages/1", "invalid"),
        ({"user_id": "x", "password": "secret"}, "#/password", "unknown-field"),
        ({"user_id": "x", "is_superuser": True}, "#/is_superuser", "unknown-field"),
        ({"user_id": "x", "api_key_hash": "00"}, "#/api_key_hash", "unknown-field"),
        ({"user_id": "x", "api_key": {"hint": "0000"}}, "#/api_key", "read-only"),
        ({"user_id": "x", "a/b~c": 1}, "#/a~1b~0c", "unknown-field"),
        ([], "#", "invalid"),
        ("text", "#", "invalid"),
    ],
)
def test_wrong_wishes_name_the_place(client, wish, pointer, code):
    body = problem(client.post(USERS, wish), 422, "validation")
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in body["errors"]]
    assert User.objects.count() == 1


def test_a_name_that_is_taken_is_a_conflict(client):
    problem(client.post(USERS, {"user_id": "boss"}), 409, "already-exists")


def test_a_change_touches_only_what_is_sent(client):
    UserFactory(user_id="bob", name="Bob")
    body = client.patch(f"{USERS}/bob", {"is_active": False}).json()
    assert (body["name"], body["is_active"]) == ("Bob", False)
    problem(client.patch(f"{USERS}/bob", {"user_id": "robert"}), 422, "validation")


@pytest.mark.parametrize("user_id", ["nobody", "%20", "a%2Fb", "é"])
def test_unknown_users_are_not_found(client, user_id):
    problem(client.get(f"{USERS}/{user_id}"), 404, "not-found")
    problem(client.post(f"{USERS}/{user_id}/keys"), 404, "not-found")


def test_there_is_no_deleting_and_no_replacing(client):
    for method in (client.delete, client.put):
        response = method(f"{USERS}/boss")
        problem(response, 405, "method-not-allowed")
        assert "PATCH" in response["Allow"]


def test_issue_rotate_and_revoke(client):
    bob = UserFactory(user_id="bob")
    first = client.post(f"{USERS}/bob/keys")
    assert first.status_code == 201
    assert first["Cache-Control"] == "no-store"
    assert first.json()["previous_key_ends_at"] is None
    second = client.post(f"{USERS}/bob/keys", {"overlap_seconds": 60}).json()
    assert second["previous_key_ends_at"]
    for key in (first.json()["api_key"], second["api_key"]):
        assert with_key(key).get("/api/v1/me").json()["user_id"] == "bob"
    assert client.delete(f"{USERS}/bob/keys").status_code == 204
    for key in (first.json()["api_key"], second["api_key"]):
        problem(with_key(key).get("/api/v1/me"), 401, "invalid-key")
    assert keys.find_owner(second["api_key"]) is None
    bob.refresh_from_db()
    assert bob.api_key_hash is None


def test_without_overlap_the_old_key_ends_at_once(client):
    bob = UserFactory(user_id="bob")
    old = keys.issue(bob)
    client.post(f"{USERS}/bob/keys", {"overlap_seconds": 0})
    problem(with_key(old).get("/api/v1/me"), 401, "key-expired")


def test_a_key_gets_an_end(client):
    UserFactory(user_id="bob")
    end = (timezone.now() + timedelta(days=90)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    answer = client.post(f"{USERS}/bob/keys", {"expires_at": end}).json()
    assert answer["expires_at"] == end
    assert with_key(answer["api_key"]).get("/api/v1/me").json()["api_key"]["expires_at"] == end
    User.objects.filter(user_id="bob").update(api_key_expires_at=timezone.now() - timedelta(seconds=1))
    problem(with_key(answer["api_key"]).get("/api/v1/me"), 401, "key-expired")


@pytest.mark.parametrize("end", ["2020-01-01T00:00:00Z", "2030-01-01", "soon", 5, ""])
def test_ends_that_are_none(client, end):
    bob = UserFactory(user_id="bob")
    problem(client.post(f"{USERS}/bob/keys", {"expires_at": end}), 422, "validation")
    bob.refresh_from_db()
    assert bob.api_key_hash is None


@pytest.mark.parametrize("overlap", [-1, 10**9, "soon", None])
def test_overlaps_out_of_range(client, overlap):
    UserFactory(user_id="bob")
    problem(client.post(f"{USERS}/bob/keys", {"overlap_seconds": overlap}), 422, "validation")
