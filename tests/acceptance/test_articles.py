"""Articles in real workers: fetched and summarized over HTTP, refused, made anew, and not paid for twice."""

import json
import signal
from typing import Any

from jobs.models import Summary
from jobs.pipeline.stages import progress_of
from jobs.pipeline.submitting import submit_article
from tests.acceptance.stage import Stage
from tests.ai_server import AiServer, says, serving
from tests.factories import UserFactory
from tests.jobs.articles import web
from tests.jobs.articles.conftest import PAGES

INVENTED = "Each version of a Debian package is one of 4711, named Unstable, Testing or Stable."
GOOD = "A Debian package wanders from Experimental through Unstable and Testing to Stable."


def environment(ai: AiServer) -> dict[str, str]:
    return {
        "GROQ_API_KEY": "gsk_test",
        "GROQ_BASE_URL": ai.url,
        "GROQ_REQUESTS_PER_MINUTE": "0",
    }


def test_an_article_survives_the_worker_that_had_it_summarized(stage: Stage, settings: Any) -> None:
    """The worker dies when the provider's answer is remembered, and nothing else is written."""
    settings.ARTICLES_ALLOW_PRIVATE_HOSTS = True
    page = (PAGES / "debian-handbook-release-lifecycle.en.html").read_bytes()
    with serving() as ai, web.serving() as site:
        ai.groq = [says(INVENTED), says(GOOD)]
        site.answers = {"/": web.page(page)}
        article = submit_article(UserFactory(), url=site.url(host="127.0.0.1"), preferences={"length": "short"})
        doomed = stage.worker(ready=False, env={**environment(ai), "EKIDEN_CRASH_POINT": "after_task_commit"})
        assert doomed.wait() == -signal.SIGKILL, doomed.log
        article.refresh_from_db()
        assert (article.stage, article.resolved_url) == ("extracted", site.url(host="127.0.0.1"))
        assert not Summary.objects.exists()
        assert len(ai.asked) == 1
        stage.worker(env=environment(ai))
        stage.wait_for_all("completed")
    article.refresh_from_db()
    progress = progress_of([article])[article.pk]
    assert (article.stage, progress.percent, progress.status) == ("validated", 100, "completed")
    refused, accepted = Summary.objects.filter(article=article).order_by("id")
    assert (refused.text, refused.accepted, refused.reasons[0]["code"]) == (INVENTED, False, "numbers")
    assert (accepted.text, accepted.accepted, accepted.provider) == (GOOD, True, "groq")
    # Once for each of the two, however many workers there were; and the second time told what was wrong.
    assert len(ai.asked) == 2
    assert "4711" in json.dumps(ai.asked[1].body)
    assert "4711" not in json.dumps(ai.asked[0].body)
