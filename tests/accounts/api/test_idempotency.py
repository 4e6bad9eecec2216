import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.db.models.signals import pre_save

from accounts.api import idempotency
from accounts.models import IdempotentRequest, User
from tests.api_client import client_of, problem
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

USERS = "/api/v1/users"


@pytest.fixture
def client():
    return client_of(UserFactory(role="admin"))


def create(client, user_id="bob", key="k1"):
    return client.post(USERS, {"user_id": user_id}, HTTP_IDEMPOTENCY_KEY=key)


def test_the_same_request_is_done_once_and_answered_twice(client):
    first, second = create(client), create(client)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert second["Location"] == first["Location"]
    assert second["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert User.objects.filter(user_id="bob").count() == 1


def test_without_the_header_every_request_counts(client):
    assert client.post(USERS, {"user_id": "bob"}).status_code == 201
    problem(client.post(USERS, {"user_id": "bob"}), 409, "already-exists")
    assert not IdempotentRequest.objects.exists()


def test_the_order_of_members_does_not_make_another_request(client):
    send = {"content_type": "application/json", "HTTP_IDEMPOTENCY_KEY": "k1"}
    client.generic("POST", USERS, '{"user_id": "bob", "name": "B"}', **send)
    second = client.generic("POST", USERS, '{ "name":"B", "user_id":"bob" }', **send)
    assert second["Idempotency-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(client):
    create(client)
    problem(create(client, "carol"), 422, "idempotency-key-reused")
    assert not User.objects.filter(user_id="carol").exists()


def test_other_users_keys_do_not_clash(client):
    create(client)
    other = client_of(UserFactory(role="admin"))
    response = other.post(USERS, {"user_id": "carol"}, HTTP_IDEMPOTENCY_KEY="k1")
    assert response.status_code == 201


def test_an_error_leaves_the_key_free(client):
    problem(create(client, "not a name"), 422, "validation")
    assert not IdempotentRequest.objects.exists()
    assert create(client, "bob").status_code == 201


@pytest.mark.parametrize("key", ['"k1"', "k1", " k1 "])
def test_bare_and_quoted_forms_are_one_key(client, key):
    create(client, key="k1")
    assert create(client, key=key)["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a b", "ключ", '"', "a\x7f"])
def test_malformed_keys(client, key):
    problem(create(client, key=key), 400, "invalid-idempotency-key")
    assert not User.objects.filter(user_id="bob").exists()


def test_fifty_equal_requests_at_once_create_one_row(client):
    start = threading.Barrier(50)

    def send(_):
        try:
            start.wait(timeout=30)
            return create(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(send, range(50)))
    assert User.objects.filter(user_id="bob").count() == 1
    done = [r for r in responses if r.status_code == 201]
    assert len([r for r in done if "Idempotency-Replayed" not in r]) == 1
    assert len({r.content for r in done}) == 1
    for response in responses:
        if response.status_code != 201:
            problem(response, 409, "idempotency-in-flight")


def test_a_request_that_is_being_worked_on_is_not_done_again(client):
    at_work, go_on = threading.Event(), threading.Event()

    def stop_before_saving(sender, instance, **kwargs):
        if instance.user_id == "bob":
            at_work.set()
            assert go_on.wait(timeout=30)

    def first():
        try:
            return create(client)
        finally:
            connection.close()

    pre_save.connect(stop_before_saving, sender=User)
    try:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(first)
            assert at_work.wait(timeout=30)
            try:
                problem(create(client), 409, "idempotency-in-flight")
            finally:
                go_on.set()
            assert running.result(timeout=30).status_code == 201
    finally:
        pre_save.disconnect(stop_before_saving, sender=User)
    assert create(client)["Idempotency-Replayed"] == "true"


def test_a_crash_after_the_work_leaves_neither_work_nor_answer(client, monkeypatch):
    def crash(entry, response):
        raise RuntimeError("the power went out")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "_store", crash)
        problem(create(client), 500, "internal-error")
    assert not User.objects.filter(user_id="bob").exists()
    assert create(client).status_code == 201


def test_after_a_day_the_key_is_new_again(client):
    create(client)
    IdempotentRequest.objects.update(created_at=Now() - timedelta(hours=25))
    problem(create(client), 409, "already-exists")
    assert create(client, "carol").status_code == 201


def test_pruning_forgets_only_what_is_past_its_time(client):
    create(client, "old", key="old")
    IdempotentRequest.objects.update(created_at=Now() - timedelta(hours=25))
    create(client, "young", key="young")
    assert idempotency.prune() == 1
    assert "young" in IdempotentRequest.objects.get().body


def test_what_is_sent_as_a_key_is_not_kept_as_it_is(client):
    create(client, key="secret")
    assert "secret" not in IdempotentRequest.objects.get().key


def test_issued_keys_are_never_stored(client):
    bob = UserFactory()
    response = client.post(f"{USERS}/{bob.user_id}/keys", HTTP_IDEMPOTENCY_KEY="k1")
    assert response.status_code == 201
    assert not IdempotentRequest.objects.exists()
