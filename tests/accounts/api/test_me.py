import pytest

from tests.api_client import client_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_it_says_who_asks_what_they_may_do_and_what_is_left(settings):
    settings.RATE_LIMIT_BURST_SIZE = 0
    client = client_of(UserFactory(user_id="ann", role="operator", rate_limit_per_minute=9, allowed_languages=["ja"]))
    client.get("/api/v1/me")
    body = client.get("/api/v1/me").json()
    assert (body["user_id"], body["role"], body["allowed_languages"]) == ("ann", "operator", ["ja"])
    assert body["rate_limit"]["limit"] == 9
    assert body["rate_limit"]["remaining"] == 7
    assert 1 <= body["rate_limit"]["reset_after"] <= 61


def test_no_hash_is_in_the_answer():
    user = UserFactory()
    text = client_of(user).get("/api/v1/me").content.decode()
    user.refresh_from_db()
    assert user.api_key_hash not in text
    assert "password" not in text
