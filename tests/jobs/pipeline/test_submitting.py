"""An article from its submission to its accepted summary, as the jobs of a workflow do it."""

import pytest

from accounts.models import User
from jobs.articles.exceptions import UrlRefused
from jobs.exceptions import InvalidOption
from jobs.models import Article, Batch, Job
from jobs.pipeline.submitting import submit_article
from jobs.testing import drain_jobs
from tests.jobs.pipeline.conftest import DUTIES, HANDBOOK, html

pytestmark = pytest.mark.django_db


def test_an_article_goes_through_all_stages(ada: User) -> None:
    article = submit_article(ada, html=html(HANDBOOK), preferences={"length": "short"})
    jobs = drain_jobs(raising=True)
    assert [(job.job_type, job.status) for job in jobs] == [
        ("extract_content", "completed"),
        ("summarize", "completed"),
        ("validate_summary", "completed"),
    ]
    assert {job.user_id for job in jobs} == {ada.pk}
    assert all(job.payload == {"article_id": str(article.pk)} for job in jobs)
    article.refresh_from_db()
    assert (article.stage, article.title, article.language) == ("validated", "1.6. Lifecycle of a Release", "en")
    assert article.html is None
    assert article.characters == len(article.text) > 1000
    summary = article.summaries.get()
    assert (summary.accepted, summary.reasons, summary.provider) == (True, [], "extractive")
    assert (summary.user_id, summary.job_id) == (ada.pk, jobs[1].pk)
    assert summary.text.removesuffix("…") in article.text
    assert jobs[2].result["summary_id"] == str(summary.pk)


def test_a_japanese_article_is_summarized_in_japanese(ada: User) -> None:
    article = submit_article(ada, html=html(DUTIES), preferences={"language": "ja-JP"})
    drain_jobs(raising=True)
    summary = article.summaries.get()
    assert (summary.language, summary.accepted, summary.length) == ("ja", True, "medium")


@pytest.mark.parametrize("sources", [{}, {"url": "https://example.org/", "html": "<p>x"}])
def test_an_article_is_given_in_one_way(ada: User, sources: dict[str, str]) -> None:
    with pytest.raises(InvalidOption, match="url"):
        submit_article(ada, **sources)
    assert not Article.objects.exists()


def test_a_url_that_is_never_fetched_is_refused_at_once(ada: User) -> None:
    with pytest.raises(UrlRefused, match="Only http and https"):
        submit_article(ada, url="file:///etc/passwd")
    assert not (Article.objects.exists() or Job.objects.exists() or Batch.objects.exists())
