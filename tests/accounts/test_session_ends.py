"""People are logged out by themselves: when nothing was done for a while, and at last in any case."""

import time

import pytest
from django.urls import reverse

from accounts import session_ends
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:jobs_queue_changelist")


@pytest.fixture
def clock(monkeypatch):
    """Move the time that sessions are measured by."""

    class Clock:
        ahead = 0.0

        def time(self):
            return time.time() + self.ahead

    moved = Clock()
    monkeypatch.setattr(session_ends, "time", moved)
    return moved


@pytest.fixture
def person(client, settings):
    settings.CONSOLE_SESSION_AGE, settings.CONSOLE_IDLE_TIME = 40_000, 3_600
    client.force_login(UserFactory(role="operator"))
    assert client.get(PAGE).status_code == 200
    return client


def test_who_does_nothing_is_logged_out_and_comes_back_to_the_page(person, clock):
    clock.ahead = 3_500
    assert person.get(PAGE).status_code == 200
    clock.ahead = 7_000
    assert person.get(PAGE).status_code == 200
    clock.ahead = 10_700
    answer = person.get(f"{PAGE}?q=x")
    assert answer["Location"] == f"{reverse('admin:login')}?next={PAGE}%3Fq%3Dx"
    assert "_auth_user_id" not in person.session
    assert "nothing was done" in person.get(answer["Location"]).content.decode()


def test_a_page_that_brings_itself_up_to_date_is_nobody(person, clock):
    for minutes in range(10, 70, 10):
        clock.ahead = minutes * 60 - 1
        assert person.get(PAGE, headers={"HX-Request": "true"}).status_code == 200
    clock.ahead = 3_700
    assert person.get(PAGE, headers={"HX-Request": "true"}).status_code == 302


def test_a_session_ends_however_busy_it_is(person, clock):
    for hours in range(1, 12):
        clock.ahead = hours * 3_500
        assert person.get(PAGE).status_code == 200
    clock.ahead = 40_100
    assert person.get(PAGE).status_code == 302


def test_the_session_is_written_no_more_than_once_a_minute(person, clock):
    before = person.session.get("ekiden_seen")
    clock.ahead = 30
    person.get(PAGE)
    assert person.session.get("ekiden_seen") == before
    clock.ahead = 90
    person.get(PAGE)
    assert person.session.get("ekiden_seen") > before


def test_a_login_begins_a_session_of_its_own(client):
    user = UserFactory(role="operator")
    user.set_password("a long good password")
    user.save()
    client.get(reverse("admin:login"))
    client.session["x"] = 1
    before = client.session.session_key
    client.post(reverse("admin:login"), {"username": user.user_id, "password": "a long good password"})
    assert client.session.session_key != before
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
