"""Articles and summaries in the console: their stages, their texts as texts, and what operators may do."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.admin import article as page
from jobs.models import Article, AuditEntry, Job, Summary
from jobs.pipeline.submitting import submit_article
from jobs.testing import drain_jobs
from tests.factories import UserFactory
from tests.jobs.pipeline.conftest import HANDBOOK, html

pytestmark = pytest.mark.django_db

ARTICLES, SUMMARIES = "/admin/jobs/article/", "/admin/jobs/summary/"
EVIL = "<script>alert(1)</script>"


def test_an_article_is_shown_with_its_stages_and_its_summary(operator: Any) -> None:
    article = submit_article(UserFactory(), html=html(HANDBOOK), preferences={"length": "short"})
    text = operator.get(f"{ARTICLES}{article.pk}/change/").content.decode()
    assert "0 % of the way" in text
    assert text.count("badge-pending") == 4
    drain_jobs(raising=True)
    text = operator.get(f"{ARTICLES}{article.pk}/change/").content.decode()
    assert "100 % of the way" in text
    for job in Job.objects.all():
        assert f"/admin/jobs/job/{job.pk}/change/" in text
    assert f"/admin/jobs/batch/{article.batch_id}/change/" in text
    assert "The project will simultaneously have" in text
    listed = operator.get(ARTICLES).content.decode()
    assert ("1.6. Lifecycle of a Release" in listed, "100 %" in listed, "Summary accepted" in listed) == (True,) * 3


def test_what_pages_say_is_text(operator: Any) -> None:
    words = {"title": f"T{EVIL}", "author": EVIL, "text": EVIL, "url": f"https://example.org/{EVIL}"}
    article = Article.objects.create(**words, stage="extracted", preferences={"length": EVIL, "language": EVIL})
    reasons = [{"code": EVIL, "detail": EVIL}]
    summary = Summary.objects.create(article=article, text=EVIL, provider=EVIL, model=EVIL, reasons=reasons)
    for address in (
        *(ARTICLES, f"{ARTICLES}{article.pk}/change/", SUMMARIES, f"{SUMMARIES}{summary.pk}/change/"),
        f"{ARTICLES}{article.pk}/delete/",
    ):
        text = operator.get(address).content.decode()
        assert "&lt;script&gt;" in text, address
        assert EVIL not in text, address


def test_a_long_text_is_cut(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SHOWN", 10)
    article = Article.objects.create(text="0123456789abcdef", characters=16, stage="extracted")
    text = operator.get(f"{ARTICLES}{article.pk}/change/").content.decode()
    assert "0123456789</p>" in text
    assert "Only the beginning is shown." in text


def listed(client: Any, address: str, **asked: str) -> set[Any]:
    return {row.pk for row in client.get(address, asked).context["cl"].result_list}


def test_lists_are_filtered(operator: Any) -> None:
    made = {
        name: Article.objects.create(stage=stage, language=language, text="x", is_deleted=deleted)
        for name, stage, language, deleted in (
            ("a", "extracted", "ja", False),
            ("b", "validated", "en", False),
            ("c", "extracted", "ja", True),
        )
    }
    a, b, c = (made[name].pk for name in "abc")
    assert listed(operator, ARTICLES) == {a, b}
    assert listed(operator, ARTICLES, stage="extracted") == {a}
    assert listed(operator, ARTICLES, language="en", window="1h") == {b}
    assert listed(operator, ARTICLES, deleted="yes") == {c}
    assert listed(operator, ARTICLES, stage="nowhere") == set()
    assert listed(operator, ARTICLES, q=str(b)) == {b}
    drained = submit_article(UserFactory(), html=html(HANDBOOK))
    drain_jobs(raising=True)
    assert listed(operator, ARTICLES, q="oldstable") == {drained.pk}
    assert listed(operator, ARTICLES, q="oldstable penguin") == set()
    drained.summaries.all().delete()
    verdicts = {
        accepted: Summary.objects.create(article=made["a"], text="x", provider="groq", accepted=accepted).pk
        for accepted in (True, False, None)
    }
    assert listed(operator, SUMMARIES) == set(verdicts.values())
    for word, accepted in (("accepted", True), ("refused", False), ("open", None)):
        assert listed(operator, SUMMARIES, verdict=word, provider="groq") == {verdicts[accepted]}
    assert listed(operator, SUMMARIES, provider="claude") == set()


def test_the_progress_of_a_page_is_read_at_once(operator: Any) -> None:
    user, queries = UserFactory(), []
    for _ in range(3):
        for _ in range(4):
            submit_article(user, html="<p>x")
        with CaptureQueriesContext(connection) as captured:
            operator.get(ARTICLES)
        queries.append(len(captured))
    # The first visit of a minute is noted.
    assert queries[1] == queries[2]


def test_operators_have_articles_summarized_again_and_deleted(operator: Any) -> None:
    article = submit_article(UserFactory(), html=html(HANDBOOK))
    drain_jobs(raising=True)
    address = f"{ARTICLES}{article.pk}"
    operator.post(f"{address}/summarize/", {"reason": "too dull"})
    drain_jobs(raising=True)
    assert article.summaries.count() == 2
    operator.post(f"{address}/delete/", {"reason": "asked for"})
    article.refresh_from_db()
    assert article.is_deleted
    acts = AuditEntry.objects.filter(target_id=str(article.pk)).order_by("id")
    assert list(acts.values_list("action", "reason")) == [("summarize", "too dull"), ("delete", "asked for")]
    text = operator.get(f"{address}/change/").content.decode()
    assert ("had summarized again" in text, "Summarize again…" in text) == (True, False)
    operator.post(f"{address}/summarize/", {})
    assert "it was deleted" in operator.get(f"{address}/change/").content.decode()
