"""generate_podcast as the worker runs it: payload in, a podcast out, once."""

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from config.roles.declared import WORKER
from jobs.context import Context
from jobs.enqueue import enqueue
from jobs.execution import run
from jobs.handlers.podcasts import generate_podcast
from jobs.models import Article, Job, LooseFile, Podcast, ProcessingLock, Summary
from jobs.models.lock import NextLockToken
from jobs.outcomes import Completed
from jobs.pipeline.submitting import submit_article
from jobs.registry import registry
from jobs.speech import podcasts, script
from jobs.speech.files import tidy
from jobs.testing import drain_jobs, run_job
from jobs.testing.running import _start
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.articles.conftest import PAGES
from tests.jobs.speech.podcasts import path_of, tone
from tests.jobs.speech.server import SpeechServer, audio, error
from tests.programs import needs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

TEXT = "Ekiden is a relay race. Each runner hands over the sash. The first one was run in 1917."


@pytest.fixture
def ada(db: Any) -> User:
    return UserFactory(user_id="ada")


@pytest.fixture
def article(ada: User) -> Article:
    article = Article.objects.create(user=ada, title="Ekiden", text=TEXT, language="en", stage="validated")
    columns: dict[str, Any] = {"article": article, "user": ada, "provider": "groq", "language": "en"}
    Summary.objects.create(text="A refused one.", accepted=False, **columns)
    Summary.objects.create(text="A relay race, run since 1917.", accepted=True, **columns)
    return article


@pytest.fixture
def speaking(server: SpeechServer) -> SpeechServer:
    """A server that says everything in half a second."""
    server.queue = [audio(tone(0.5), "audio/wav")]
    return server


def podcast_job(user: User | None = None, **payload: Any) -> Job:
    return Job.objects.get(pk=enqueue("generate_podcast", payload, user=user).id)


def files(media: Path) -> list[Path]:
    return [file for file in media.rglob("*") if file.is_file()]


def said(job: Job) -> str:
    return str(job.error_details["message"]) if job.error_details else ""


def test_it_has_the_priority_people_expect_and_ends_before_its_lock() -> None:
    job_type = registry.get("generate_podcast")
    assert job_type.priority == 5 and job_type.timeout is not None and job_type.timeout < 300


def test_a_stored_article_becomes_a_podcast_of_its_owner(article: Article, ada: User, media: Path) -> None:
    needs("espeak-ng")
    job = run_job(podcast_job(ada, article_id=str(article.pk)))
    assert job.status == "completed", job.error_details
    podcast = Podcast.objects.get()
    assert (podcast.article_id, podcast.user_id, podcast.job_id) == (article.pk, ada.pk, job.pk)
    assert podcast.script.split("\n")[1] == "A relay race, run since 1917."
    with wave.open(str(path_of(podcast))) as file:
        assert file.getnframes() / file.getframerate() == podcast.duration_seconds
    assert podcast.size_bytes == path_of(podcast).stat().st_size
    assert job.result == {
        "podcast_id": str(podcast.pk),
        "article_id": str(article.pk),
        "duration_seconds": round(podcast.duration_seconds, 3),
        "size_bytes": podcast.size_bytes,
        "content_type": "audio/wav",
        "language": "en",
        "engine": "espeak-ng",
        "voice": "en-us",
        "generated_at": job.result["generated_at"],
    }
    article.refresh_from_db()
    assert article.stage == "spoken"
    assert files(media) == [path_of(podcast)] and not LooseFile.objects.exists()


def test_a_given_text_is_read_out(speaking: SpeechServer) -> None:
    job = run_job(generate_podcast, text="駅伝は1917年に始まった。", title="駅伝", article_id="my-own-id")
    assert (job.status, job.result["article_id"], job.result["language"]) == ("completed", "my-own-id", "ja")
    assert "駅伝は1917年に始まった。" in speaking.asked[0]["input"]
    assert Podcast.objects.get().article_id is None


def test_an_article_without_a_summary_is_read_out_itself(article: Article, ada: User, speaking: SpeechServer) -> None:
    Summary.objects.all().delete()
    assert run_job(podcast_job(ada, article_id=str(article.pk))).status == "completed"
    assert TEXT in speaking.asked[0]["input"]


def test_articles_of_others_do_not_exist(article: Article, speaking: SpeechServer) -> None:
    for user in (None, UserFactory(user_id="bob", role="admin")):
        job = run_job(podcast_job(user, article_id=str(article.pk)))
        assert (job.status, said(job)) == ("dead_letter", f"The job's owner has no article {article.pk}.")
    assert not speaking.asked


@pytest.mark.parametrize(
    ("change", "words"),
    [({"is_deleted": True}, "was deleted"), ({"stage": "submitted", "text": ""}, "has no text yet")],
)
def test_an_article_that_cannot_be_spoken_fails_for_good(
    article: Article, ada: User, speaking: SpeechServer, change: dict[str, Any], words: str
) -> None:
    Article.objects.update(**change)
    job = run_job(podcast_job(ada, article_id=str(article.pk)))
    assert job.status == "dead_letter" and words in said(job)


@pytest.mark.parametrize("payload", [{}, {"article_id": "no-uuid"}, {"title": "Ekiden"}])
def test_without_a_text_there_is_nothing_to_do(payload: dict[str, str]) -> None:
    job = run_job(podcast_job(None, **payload))
    assert job.status == "dead_letter" and "Give a text" in said(job)


@pytest.mark.parametrize(
    "payload",
    [{"text": ""}, {"text": 5}, {"article_id": 7}, {"language": "../en"}, {"voice": "-f/etc/passwd"}, {"speed": 2}],
)
def test_a_payload_that_does_not_fit_is_known_by_its_schema(payload: dict[str, Any]) -> None:
    assert registry.get("generate_podcast").validator.violations(payload)


def test_with_nothing_to_speak_with_the_job_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    job = run_job(generate_podcast, text=TEXT)
    assert job.status == "dead_letter" and "install espeak-ng" in said(job) and "SPEECH_BASE_URL" in said(job)


def test_a_server_in_trouble_costs_a_retry_and_a_busy_one_does_not(
    server: SpeechServer,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    write = script.write
    monkeypatch.setattr(podcasts, "write", lambda *args, **how: written.append("once") or write(*args, **how))
    server.queue = [error(429, Retry_After="2"), error(500), audio(tone(0.5), "audio/wav")]
    job = run_job(generate_podcast, text=TEXT)
    assert (job.status, job.retry_count) == ("pending", 0)
    job = run_job(job)
    assert (job.status, job.retry_count) == ("pending", 1)
    assert files(media) == [] and not LooseFile.objects.exists()
    assert run_job(job).status == "completed"
    # The script is paid for once.
    assert written == ["once"] and len(server.asked) == 3


def test_a_job_that_is_run_again_after_a_crash_finds_its_podcast(speaking: SpeechServer, media: Path) -> None:
    job = podcast_job(None, text=TEXT)
    attempt = _start(job.pk)
    assert attempt is not None
    # The worker dies before it records this.
    assert isinstance(run(attempt, Context(attempt, lambda attempt: None)), Completed)
    ProcessingLock.objects.filter(pk=job.pk).delete()
    Job.objects.filter(pk=job.pk).update(status="pending", started_at=None)
    made = Podcast.objects.get()
    assert run_job(job).result["podcast_id"] == str(made.pk)
    assert len(speaking.asked) == 1 and files(media) == [path_of(made)]


def test_a_podcast_whose_file_was_lost_is_made_again(speaking: SpeechServer, media: Path) -> None:
    job = run_job(generate_podcast, text=TEXT)
    path_of(Podcast.objects.get()).unlink()
    Job.objects.filter(pk=job.pk).update(status="pending", started_at=None, completed_at=None)
    assert run_job(job).result["podcast_id"] == job.result["podcast_id"]
    assert files(media) == [path_of(Podcast.objects.get())]


def taking_over(monkeypatch: pytest.MonkeyPatch, happen: Callable[[Job], object]) -> None:
    """Have something happen to the job between its audio and its row."""
    speak = podcasts.speak

    def speak_and_lose(*args: Any, **how: Any) -> Any:
        spoken = speak(*args, **how)
        happen(Job.objects.get())
        return spoken

    monkeypatch.setattr(podcasts, "speak", speak_and_lose)


def test_a_zombie_leaves_neither_row_nor_file(
    speaking: SpeechServer,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking_over(monkeypatch, lambda job: ProcessingLock.objects.filter(pk=job.pk).update(lock_token=NextLockToken()))
    assert run_job(generate_podcast, text=TEXT).status == "processing"
    assert not Podcast.objects.exists() and files(media) == [] and not LooseFile.objects.exists()


def test_an_article_that_is_deleted_meanwhile_gets_no_podcast(
    article: Article,
    ada: User,
    speaking: SpeechServer,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking_over(monkeypatch, lambda job: Article.objects.update(is_deleted=True))
    job = run_job(podcast_job(ada, article_id=str(article.pk)))
    assert job.status == "dead_letter" and "was deleted" in said(job)
    assert not Podcast.objects.exists() and files(media) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("database_roles")
def test_the_worker_needs_no_more_than_the_rights_of_its_role(
    article: Article, ada: User, speaking: SpeechServer, media: Path
) -> None:
    job = podcast_job(ada, article_id=str(article.pk))
    with working_as(WORKER):
        assert run_job(job).status == "completed"
        Podcast.objects.get().delete()
        assert tidy() == 1
    assert files(media) == []


def test_a_page_goes_all_the_way_to_its_podcast(ada: User, speaking: SpeechServer, settings: Settings) -> None:
    html = (PAGES / "developers-reference-duties.ja.html").read_text()
    article = submit_article(ada, html=html, preferences={"length": "short", "language": "ja"}, podcast=True)
    assert {job.status for job in drain_jobs(raising=True)} == {"completed"}
    article.refresh_from_db()
    podcast = Podcast.objects.get(article=article)
    assert (article.stage, podcast.language) == ("spoken", "ja")
    assert Summary.objects.get(article=article, accepted=True).text[:20] in podcast.script
