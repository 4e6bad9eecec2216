from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from accounts.models import User
from jobs.ai.providers import Preferences
from jobs.ai.summaries import GeneratedSummary
from jobs.articles.languages import detect
from jobs.context import Context
from jobs.execution import run
from jobs.models import Article, Batch, Job, ProcessingLock
from jobs.outcomes import Completed
from jobs.pipeline import generating
from jobs.pipeline.submitting import submit_article
from jobs.releasing import release_waiting
from jobs.testing import run_job
from jobs.testing.running import _start
from tests.factories import UserFactory
from tests.jobs.articles.conftest import PAGES

HANDBOOK: Final = "debian-handbook-release-lifecycle.en.html"
DUTIES: Final = "developers-reference-duties.ja.html"


def html(name: str) -> str:
    return Path(PAGES / name).read_text()


@pytest.fixture
def ada(db: Any) -> User:
    return UserFactory(user_id="ada")


@pytest.fixture
def bob(db: Any) -> User:
    return UserFactory(user_id="bob")


class Scribe:
    """A provider whose summaries are known beforehand; it notes what it was asked."""

    name: Final = "scribe"

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, content: str, preferences: Preferences, **asked: Any) -> GeneratedSummary:
        self.asked.append({"content": content, "preferences": preferences, **asked})
        text = self.texts.pop(0)
        return GeneratedSummary(text, detect(text), preferences.length, self.name, "m-1", 900, 80, Decimal("0.0012"))


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scribe]:
    """Have summaries written by a provider that says these texts, one after the other."""

    def appoint(*texts: str) -> Scribe:
        one = Scribe(*texts)
        monkeypatch.setattr(generating, "generate_summary", one)
        return one

    return appoint


def submitted_and_extracted(user: User, page: str = HANDBOOK, **wanted: Any) -> Article:
    """Give an article whose first job has run."""
    article = submit_article(user, html=html(page), **wanted)
    assert run_job(job_of(article, "extract")).status == "completed"
    release_waiting()
    return article


def job_of(article: Article, step: str) -> Job:
    batch = Batch.objects.get(pk=article.batch_id)
    assert batch.steps
    return Job.objects.get(pk=batch.steps[step])


def crashed(job: Job) -> None:
    """Run a job on a worker that dies before it records the outcome, and have the job rescued."""
    attempt = _start(job.pk)
    assert attempt is not None
    assert isinstance(run(attempt, Context(attempt, lambda attempt: None)), Completed)
    ProcessingLock.objects.filter(pk=job.pk).delete()
    Job.objects.filter(pk=job.pk).update(status="pending", started_at=None)
