"""Articles over the API: handed over, followed, read, summarized again, deleted."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.testing import drain_jobs
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
