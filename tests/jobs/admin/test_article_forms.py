"""Handing over an article in the console, and having one summarized again as somebody wishes."""

from typing import Any

import pytest

from jobs.models import Article, AuditEntry, Job
from jobs.pipeline.submitting import submit_article
from jobs.testing import drain_jobs
from tests.factories import UserFactory
from tests.jobs.pipeline.conftest import HANDBOOK, html

pytestmark = pytest.mark.django_db

ADD = "/admin/jobs/article/add/"


def test_an_article_is_handed_over_and_summarized(operator: Any) -> None:
    assert "Hand over" in operator.get(ADD).content.decode()
    said = {"html": html(HANDBOOK), "length": "short", "language": "", "podcast": ""}
    answer = operator.post(ADD, said)
    article = Article.objects.get()
    assert answer["Location"] == f"/admin/jobs/article/{article.pk}/change/"
    assert (article.preferences["length"], article.user.role) == ("short", "operator")
    drain_jobs(raising=True)
    article.refresh_from_db()
    assert article.stage == "validated"


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({}, "Give either the address or the page."),
        ({"url": "https://example.org/", "html": "<p>both</p>"}, "Give either the address or the page."),
        ({"url": "ftp://example.org/"}, "An address begins with http"),
        ({"url": "https://10.0.0.1:99/"}, "errorlist"),
        ({"url": "https://example.org/", "language": "a language"}, "A tag such as ja"),
        ({"url": "https://example.org/", "length": "endless"}, "endless"),
    ],
)
def test_what_cannot_be_read_is_refused_and_kept(operator: Any, said: dict[str, str], refusal: str) -> None:
    answer = operator.post(ADD, {"length": "medium", **said})
    text = answer.content.decode()
    assert (answer.status_code, refusal in text, Article.objects.count()) == (200, True, 0)
    assert said.get("url", "") in text


def test_viewers_hand_over_nothing(viewer: Any) -> None:
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(ADD, {"html": html(HANDBOOK), "length": "short"}).status_code == 403
    assert Article.objects.count() == 0


def test_an_article_is_summarized_again_otherwise(operator: Any) -> None:
    article = submit_article(UserFactory(), html=html(HANDBOOK), preferences={"length": "short"})
    drain_jobs(raising=True)
    said = {"length": "long", "language": "", "podcast": "", "reason": "Too short."}
    operator.post(f"/admin/jobs/article/{article.pk}/summarize/", said)
    article.refresh_from_db()
    assert (article.preferences["length"], article.preferences["podcast"]) == ("long", False)
    assert AuditEntry.objects.filter(action="summarize").get().reason == "Too short."
    assert Job.objects.filter(status="pending").exists()


def test_similar_articles_are_named(operator: Any) -> None:
    owner = UserFactory()
    first, second = (submit_article(owner, html=html(HANDBOOK)) for _ in range(2))
    drain_jobs(raising=True)
    text = operator.get(f"/admin/jobs/article/{first.pk}/change/").content.decode()
    assert text.count(f"/admin/jobs/article/{second.pk}/change/") == 1
