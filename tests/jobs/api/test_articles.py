"""Articles over the API: handed over, followed, read, summarized again, deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.models import Article, AuditEntry, Job
from jobs.testing import drain_jobs
from tests.api_client import client_of
from tests.factories import UserFactory
from tests.jobs.pipeline.conftest import HANDBOOK, html

pytestmark = pytest.mark.django_db

ARTICLES = "/api/v1/articles"


@pytest.fixture
def handed_over(client: APIClient) -> dict[str, Any]:
    """Give the answer to an article that was just submitted."""
    body = {"html": html(HANDBOOK), "preferences": {"length": "short"}}
    response = client.post(ARTICLES, body)
    assert response.status_code == 201, response.content
    assert response["Location"].endswith(f"/api/v1/articles/{response.json()['article_id']}")
    return dict(response.json())


def test_an_article_is_followed_to_its_summary(client: APIClient, handed_over: dict[str, Any]) -> None:
    assert (handed_over["stage"], handed_over["status"], handed_over["progress"]) == ("submitted", "pending", 0)
    assert [stage["stage"] for stage in handed_over["stages"]] == ["extracted", "summarized", "validated"]
    drain_jobs(raising=True)
    done = client.get(f"{ARTICLES}/{handed_over['article_id']}").json()
    assert (done["stage"], done["status"], done["progress"]) == ("validated", "completed", 100)
    assert (done["title"], done["language"], done["text"]) == ("1.6. Lifecycle of a Release", "en", None)
    assert done["summary"]["accepted"] is True
    assert done["summary"]["text"].startswith("The project will simultaneously")
    assert (done["preferences"], done["podcast"], done["podcasts"]) == ({"length": "short"}, False, [])


def test_the_text_is_there_on_demand(client: APIClient, handed_over: dict[str, Any]) -> None:
    drain_jobs(raising=True)
    address = f"{ARTICLES}/{handed_over['article_id']}"
    assert "Oldstable" in client.get(f"{address}?text=true").json()["text"]
    assert client.get(f"{address}?text=yes").status_code == 400
    assert client.get(f"{address}?texts=true").status_code == 400


def test_an_article_is_given_in_one_way_and_right(client: APIClient) -> None:
    for body, pointer in (
        ({}, "#"),
        ({"url": "https://example.org/", "html": "<p>x"}, "#"),
        ({"url": "ftp://example.org/"}, "#/url"),
        ({"url": "https://ada@example.org/"}, "#/url"),
        ({"url": "http://example.org:22/"}, "#/url"),
        ({"url": f"https://example.org/{'x' * 2048}"}, "#/url"),
        ({"html": ""}, "#/html"),
        ({"html": " \n"}, "#/html"),
        ({"html": "x" * 3_000_001}, "#/html"),
        ({"html": "<p>x", "podcast": 1}, "#/podcast"),
        ({"html": "<p>x", "preferences": {"length": "huge"}}, "#/preferences/length"),
        ({"html": "<p>x", "preferences": {"language": "japanese!"}}, "#/preferences/language"),
        ({"html": "<p>x", "preferences": {"tone": "merry"}}, "#/preferences/tone"),
        ({"html": "<p>x", "title": "mine"}, "#/title"),
    ):
        response = client.post(ARTICLES, body)
        assert (response.status_code, response.json()["code"]) == (422, "validation"), body
        assert response.json()["errors"][0]["pointer"] == pointer
    assert not (Article.objects.exists() or Job.objects.exists())


def test_a_page_of_megabytes_is_no_payload(client: APIClient) -> None:
    page = f"<html><body><p>{'Ekiden is a relay race. ' * 100_000}</p></body></html>"
    answer = client.post(ARTICLES, {"html": page})
    assert answer.status_code == 201
    assert Article.objects.get().html == page
    assert all(len(str(job.payload)) < 100 for job in Job.objects.all())


def test_the_same_request_sent_twice_is_one_article(client: APIClient) -> None:
    answers = [client.post(ARTICLES, {"html": "<p>x"}, HTTP_IDEMPOTENCY_KEY="a-1") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Article.objects.count() == 1


def test_a_viewer_hands_nothing_over(client_as: Callable[[Role], APIClient]) -> None:
    assert client_as(Role.VIEWER).post(ARTICLES, {"html": "<p>x"}).status_code == 403


def test_who_may_not_use_the_language_hands_nothing_over() -> None:
    barred = client_of(UserFactory(allowed_languages=["node"]))
    response = barred.post(ARTICLES, {"html": "<p>x"})
    assert (response.status_code, response.json()["code"]) == (403, "language-not-allowed")


def test_articles_are_listed_by_pages_and_filtered(client: APIClient, user: User) -> None:
    made = [
        Article.objects.create(user=user, title=str(number), language=language, stage=stage, text="x")
        for number, (language, stage) in enumerate(
            [("en", "extracted"), ("ja", "validated"), ("ja", "extracted"), ("fr", "spoken")]
        )
    ]
    Article.objects.create(user=user, is_deleted=True)
    Article.objects.create(user=UserFactory())

    def listed(query: str = "") -> list[str]:
        response = client.get(f"{ARTICLES}{query}")
        assert response.status_code == 200, response.content
        return [each["title"] for each in response.json()["data"]]

    assert listed() == ["3", "2", "1", "0"]
    assert listed("?stage=extracted") == ["2", "0"]
    assert listed("?stage=validated,spoken&language=ja") == ["1"]
    assert listed(f"?created_after={made[2].created_at:%Y-%m-%dT%H:%M:%S.%fZ}") == ["3", "2"]
    assert listed("?q=nowhere") == []
    page = client.get(f"{ARTICLES}?limit=3").json()["page"]
    assert listed(f"?limit=3&cursor={page['next']}") == ["0"]
    for wrong in ("?stage=done", "?colour=red", "?language=", "?created_after=yesterday"):
        assert client.get(f"{ARTICLES}{wrong}").status_code == 400


def test_articles_are_searched_by_their_words(client: APIClient, handed_over: dict[str, Any]) -> None:
    assert client.get(f"{ARTICLES}?q=oldstable").json()["data"] == []
    drain_jobs(raising=True)
    found = client.get(f"{ARTICLES}?q=Oldstable lifecycle").json()["data"]
    assert [each["article_id"] for each in found] == [handed_over["article_id"]]
    assert client.get(f"{ARTICLES}?q=oldstable penguin").json()["data"] == []
    assert client_of(UserFactory()).get(f"{ARTICLES}?q=oldstable").json()["data"] == []
    assert len(client_of(UserFactory(role=Role.OPERATOR)).get(f"{ARTICLES}?q=oldstable").json()["data"]) == 1


def test_articles_like_another_are_found(client: APIClient, handed_over: dict[str, Any]) -> None:
    like = client.post(ARTICLES, {"html": html("postgresql-mvcc-intro.en.html")}).json()["article_id"]
    address = f"{ARTICLES}/{handed_over['article_id']}/similar"
    assert client.get(address).json() == {"data": []}
    drain_jobs(raising=True)
    (found,) = client.get(address).json()["data"]
    assert (found["article_id"], 0 < found["score"] < 1) == (like, True)


@pytest.mark.parametrize("wrong", ["?limit=0", "?limit=101", "?limit=ten", "?limit=1&limit=2", "?most=3"])
def test_a_wrong_number_of_similar_articles_is_refused(
    client: APIClient, handed_over: dict[str, Any], wrong: str
) -> None:
    assert client.get(f"{ARTICLES}/{handed_over['article_id']}/similar{wrong}").status_code == 400


def test_summaries_are_listed_with_why_they_were_refused(client: APIClient, handed_over: dict[str, Any]) -> None:
    drain_jobs(raising=True)
    address = f"{ARTICLES}/{handed_over['article_id']}"
    response = client.post(f"{address}/regenerate", {"preferences": {"length": "long"}})
    assert (response.status_code, response.json()["progress"]) == (202, 33)
    assert response.json()["preferences"] == {"length": "long"}
    drain_jobs(raising=True)
    summaries = client.get(f"{address}/summaries").json()["data"]
    assert [(each["length"], each["accepted"]) for each in summaries] == [("long", True), ("short", False)]
    assert [reason["code"] for reason in summaries[1]["reasons"]] == ["superseded"]
    assert client.get(address).json()["summary"]["summary_id"] == summaries[0]["summary_id"]


def test_a_deleted_article_is_not_there_and_nothing_works_on_it(client: APIClient, handed_over: dict[str, Any]) -> None:
    address = f"{ARTICLES}/{handed_over['article_id']}"
    assert client.delete(address).status_code == 204
    assert set(Job.objects.values_list("status", flat=True)) == {"cancelled"}
    for request in (client.get, client.delete, client.post):
        path = f"{address}/regenerate" if request == client.post else address
        assert request(path).status_code == 404
    assert client.get(f"{address}/summaries").status_code == 404
    assert client.get(ARTICLES).json()["data"] == []


def test_an_operator_acts_on_the_articles_of_others_for_their_owners(
    user: User, handed_over: dict[str, Any], operator: APIClient
) -> None:
    response = operator.post(f"{ARTICLES}/{handed_over['article_id']}/regenerate", {})
    assert response.status_code == 202
    assert set(Job.objects.exclude(status="cancelled").values_list("user", flat=True)) == {user.pk}
    assert AuditEntry.objects.filter(target_id=handed_over["article_id"], action="summarize").count() == 1


def test_the_jobs_carry_the_requests_id(client: APIClient) -> None:
    client.post(ARTICLES, {"html": "<p>x"}, HTTP_X_REQUEST_ID="r-7")
    assert set(Job.objects.values_list("request_id", flat=True)) == {"r-7"}


@pytest.mark.usefixtures("handlers_as_app")
def test_the_web_servers_role_may_do_all_of_it(client: APIClient) -> None:
    """Under row-level security, and without the right to delete."""
    made = client.post(ARTICLES, {"html": html(HANDBOOK), "podcast": True})
    assert (made.status_code, len(made.json()["stages"])) == (201, 4)
    address = f"{ARTICLES}/{made.json()['article_id']}"
    for path in ("", "/summaries", "/similar", "?text=true"):
        assert client.get(f"{address}{path}").status_code == 200
    assert len(client.get(f"{ARTICLES}?stage=submitted").json()["data"]) == 1
    assert client.get(f"{ARTICLES}?q=ekiden").status_code == 200
    assert client.post(f"{address}/regenerate", {"podcast": False}).status_code == 202
    assert client.delete(address).status_code == 204
    assert set(Job.objects.values_list("status", flat=True)) == {"cancelled"}


def test_what_is_said_of_a_stored_article_is_kept_for_nobody_else(
    client: APIClient, handed_over: dict[str, Any]
) -> None:
    """validate_summary keeps results of two given texts; those of articles belong to somebody, and change."""
    drain_jobs(raising=True)
    call = "/api/v1/functions/python-validate_summary/invoke"
    params = {"params": {"article_id": handed_over["article_id"]}}
    assert client.post(call, params).status_code == 202
    drain_jobs(raising=True)
    answers = [each.post(call, params) for each in (client, client_of(UserFactory()))]
    assert [(each.status_code, each.json()["cached"]) for each in answers] == [(202, False), (202, False)]
    ours, theirs = (job.status for job in sorted(drain_jobs(), key=lambda job: job.pk))
    assert (ours, theirs) == ("completed", "dead_letter")
