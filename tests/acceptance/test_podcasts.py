"""Podcasts in real workers: killed between the file and its row, they leave neither for good."""

import signal
from pathlib import Path

import psycopg

from jobs.models import Article, LooseFile, Podcast
from jobs.speech.files import tidy
from tests.acceptance.stage import Stage, wait_until
from tests.factories import UserFactory
from tests.jobs.speech.fixtures import media  # noqa: F401 (a fixture)
from tests.jobs.speech.podcasts import tone
from tests.jobs.speech.server import audio, serving_speech


def test_a_worker_that_is_killed_before_the_row_leaves_one_podcast_and_one_file(
    stage: Stage,
    media: Path,  # noqa: F811
) -> None:
    user = UserFactory()
    article = Article.objects.create(user=user, title="Ekiden", text="A relay race.", stage="validated")
    with serving_speech() as server, psycopg.connect(stage.url) as other:
        server.queue = [audio(tone(0.5), "audio/wav")]
        env = {"SPEECH_BASE_URL": server.base_url, "EKIDEN_MEDIA_ROOT": str(media)}
        # The row waits for this transaction; the file does not.
        other.execute("LOCK TABLE article_podcasts IN EXCLUSIVE MODE")
        doomed = stage.worker(env=env)
        job = stage.submit("generate_podcast", {"article_id": str(article.pk)}, user_id=user.pk)
        (left,) = wait_until(lambda: files(media))
        assert LooseFile.objects.get().name.endswith(left.name)
        doomed.signal(signal.SIGKILL)
        doomed.wait()
        other.rollback()
        stage.worker(env=env)
        result = stage.wait_for_status(job, "completed")["result"]
        podcast = Podcast.objects.get()
        assert (result["podcast_id"], podcast.article_id) == (str(podcast.pk), article.pk)
        # The script was remembered, the rest done again.
        assert len(server.asked) == 2 and len(files(media)) == 2
    LooseFile.objects.update(due_at="2026-01-01T00:00:00Z")
    assert tidy() == 1 and not left.exists()
    assert [file.name for file in files(media)] == [Path(str(podcast.audio.name)).name]
    article.refresh_from_db()
    assert article.stage == "spoken"


def files(media: Path) -> list[Path]:  # noqa: F811
    return [file for file in media.rglob("*.wav") if file.stat().st_size]
