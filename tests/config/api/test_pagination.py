import json
from base64 import urlsafe_b64encode

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from config.api.pagination import SALT
from tests.api_client import client_of, problem
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

USERS = "/api/v1/users"


@pytest.fixture
def client():
    return client_of(UserFactory(user_id="boss", role="admin"))


def names(body):
    return [row["user_id"] for row in body["data"]]


def newest_first():
    return list(User.objects.order_by("-id").values_list("user_id", flat=True))


def walk(client, rel, cursor=None, **parameters):
    """Follow the pages in one direction; yield each body."""
    while True:
        query = {**parameters, "cursor": cursor} if cursor else parameters
        body = client.get(USERS, query).json()
        yield body
        cursor = body["page"][rel]
        if cursor is None:
            return


def test_forwards_every_row_comes_once_newest_first(client):
    UserFactory.create_batch(10)
    pages = list(walk(client, "next", limit=4))
    assert [len(page["data"]) for page in pages] == [4, 4, 3]
    assert [name for page in pages for name in names(page)] == newest_first()
    assert pages[0]["page"]["prev"] is None


def test_backwards_the_same_pages_come_again(client):
    UserFactory.create_batch(10)
    forwards = list(walk(client, "next", limit=4))
    backwards = list(walk(client, "prev", cursor=forwards[-1]["page"]["prev"], limit=4))
    assert [names(page) for page in backwards] == [names(page) for page in forwards[-2::-1]]
    assert backwards[-1]["page"]["prev"] is None
    assert all(page["page"]["next"] for page in backwards)


def test_rows_that_come_and_go_in_between_move_nothing(client):
    UserFactory.create_batch(9)
    expected = newest_first()
    seen = []
    for page in walk(client, "next", limit=3):
        seen += names(page)
        UserFactory()
        User.objects.filter(user_id=seen[-1]).exclude(user_id="boss").delete()
    assert seen == expected


def test_an_exact_last_page_has_no_next(client):
    UserFactory.create_batch(3)
    assert [len(page["data"]) for page in walk(client, "next", limit=2)] == [2, 2]


def test_links_lead_to_the_neighbours(client):
    UserFactory.create_batch(3)
    first = client.get(USERS, {"limit": 2})
    assert first["Link"].endswith('>; rel="next"')
    url = first["Link"].partition(">")[0][1:]
    second = client.get(url)
    assert names(second.json()) == newest_first()[2:]
    assert 'rel="prev"' in second["Link"]


def test_rows_are_never_counted(client):
    UserFactory.create_batch(3)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(USERS, {"limit": 2})
    assert not any("COUNT(" in query["sql"].upper() for query in queries)
    assert any("LIMIT 3" in query["sql"] for query in queries)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1e2", "", "x", "９", "1" * 400, "1_0"])
def test_limits_out_of_range_name_the_parameter(client, limit):
    body = problem(client.get(USERS, {"limit": limit}), 400, "invalid-parameter")
    assert body["errors"][0]["parameter"] == "limit"


def test_fifty_rows_are_the_default_and_two_hundred_the_most(client):
    UserFactory.create_batch(60)
    assert len(client.get(USERS).json()["data"]) == 50
    assert len(client.get(USERS, {"limit": 200}).json()["data"]) == 61


def unsigned(*parts):
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["x", "a:b:c", unsigned("00000000-0000-7000-8000-000000000000", 0, "x"), "é", "x" * 10_000, "%00", "a:b"],
)
def test_made_up_cursors_are_refused(client, cursor):
    problem(client.get(USERS, {"cursor": cursor}), 400, "bad-cursor")


def test_every_edit_of_a_cursor_is_noticed(client):
    UserFactory.create_batch(3)
    cursor = client.get(USERS, {"limit": 2}).json()["page"]["next"]
    for place in range(0, len(cursor), 7):
        edited = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        problem(client.get(USERS, {"limit": 2, "cursor": edited}), 400, "bad-cursor")


def test_a_cursor_belongs_to_its_filters(client):
    UserFactory.create_batch(3)
    cursor = client.get(USERS, {"limit": 2}).json()["page"]["next"]
    problem(client.get(USERS, {"cursor": cursor, "role": "user"}), 400, "bad-cursor")
    assert client.get(USERS, {"cursor": cursor, "limit": 1}).status_code == 200


@pytest.mark.parametrize("content", [["no-uuid", 0], "text", [1], [], None, {"a": 1}])
def test_even_a_signed_cursor_with_odd_content_is_refused(client, content):
    problem(client.get(USERS, {"cursor": signing.dumps(content, salt=SALT)}), 400, "bad-cursor")


def test_a_cursor_of_another_place_of_the_program_is_refused(client):
    UserFactory.create_batch(3)
    cursor = client.get(USERS, {"limit": 2}).json()["page"]["next"]
    content = signing.loads(cursor, salt=SALT)
    problem(client.get(USERS, {"cursor": signing.dumps(content, salt="other")}), 400, "bad-cursor")
    content[0] = "not a uuid"
    problem(client.get(USERS, {"cursor": signing.dumps(content, salt=SALT)}), 400, "bad-cursor")
