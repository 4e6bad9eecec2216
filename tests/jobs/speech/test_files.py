"""Files without a row do not stay, and rows do not lose their files, whatever happens in between."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage, Storage
from django.db import connection
from pytest_django import Settings

from jobs.chores import chores
from jobs.models import Article, LooseFile, Podcast
from jobs.models.columns import ClockTimestamp
from jobs.speech import files
from jobs.speech.exceptions import SpeechFailed
from tests.jobs.speech.podcasts import path_of, stored_podcast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    (tmp_path / "spoken").write_bytes(b"sound")
    return tmp_path / "spoken"


def due() -> None:
    LooseFile.objects.update(due_at=ClockTimestamp() - timedelta(seconds=1))


def kept(media: Path) -> list[str]:
    return [file.name for file in media.rglob("*") if file.is_file()]


def test_a_file_is_loose_until_a_row_takes_it(audio: Path, media: Path) -> None:
    with files.stored(audio, "one.mp3") as name:
        assert LooseFile.objects.get().name == name
        assert not LooseFile.objects.due().exists()
        files.take(name)
    assert not LooseFile.objects.exists()
    assert (kept(media), (media / name).read_bytes()) == (["one.mp3"], b"sound")
    assert (media / name).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_whose_row_is_not_written_is_taken_back(audio: Path, media: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), files.stored(audio, "one.mp3"):
        raise error
    assert kept(media) == [] and not LooseFile.objects.exists()


def test_what_a_killed_worker_leaves_is_cleared_away(audio: Path, media: Path) -> None:
    left = files.stored(audio, "one.mp3")
    left.__enter__()  # and nothing more: its process is gone
    assert files.tidy() == 0 and kept(media) == ["one.mp3"]
    due()
    assert files.tidy() == 1
    assert kept(media) == [] and not LooseFile.objects.exists()


def test_a_file_that_was_cleared_away_is_not_taken(audio: Path) -> None:
    with pytest.raises(SpeechFailed, match="cleared away"), files.stored(audio, "one.mp3") as name:
        due()
        files.tidy()
        files.take(name)


def test_two_files_of_one_name_are_two_files(audio: Path, media: Path) -> None:
    names = []
    for _ in range(2):
        with files.stored(audio, "one.mp3") as name:
            files.take(name)
            names.append(name)
    assert len(set(names)) == 2 == len(kept(media))


@pytest.mark.parametrize("how", ["orm", "sql", "article"])
def test_however_a_podcast_is_deleted_its_file_goes(media: Path, how: str) -> None:
    article = Article.objects.create(title="Ekiden")
    podcast = stored_podcast(article=article)
    assert files.tidy() == 0
    if how == "orm":
        podcast.delete()
    elif how == "article":
        article.delete()
    else:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM article_podcasts WHERE id = %s", [podcast.pk])
    assert files.tidy() == 1
    assert kept(media) == []


def test_a_podcast_that_gets_another_file_lets_go_of_the_first(media: Path) -> None:
    podcast, former = stored_podcast(), path_of(stored_podcast())
    Podcast.objects.filter(pk=podcast.pk).update(audio="podcasts/another.wav")
    Podcast.objects.filter(pk=podcast.pk).update(script="And nothing else.")
    assert list(LooseFile.objects.values_list("name", flat=True)) == [podcast.audio.name]
    assert files.tidy() == 1 and kept(media) == [former.name]


def test_a_file_that_is_gone_already_does_no_harm(media: Path) -> None:
    LooseFile.objects.create(name="podcasts/nowhere.mp3")
    assert files.tidy() == 1 and not LooseFile.objects.exists()


def test_one_run_of_the_chore_is_bounded(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_AT_ONCE", 3)
    LooseFile.objects.bulk_create(LooseFile(name=f"podcasts/{number}.mp3") for number in range(5))
    assert [files.tidy(), files.tidy(), files.tidy()] == [3, 2, 0]
    assert chores[files.CHORE].act == files.tidy


class Stubborn(InMemoryStorage):
    """A storage of another kind, without paths, that does not delete some of its files."""

    def delete(self, name: str) -> None:
        if "stubborn" in name:
            raise OSError("the bucket is locked")
        super().delete(name)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Storage:
    storage: Any = Stubborn()
    monkeypatch.setattr(Podcast._meta.get_field("audio"), "storage", storage)
    return storage


def test_one_file_that_cannot_be_deleted_does_not_keep_the_others(elsewhere: Storage) -> None:
    for name in ("a", "stubborn", "z"):
        elsewhere.save(name, io.BytesIO(b"x"))  # type: ignore[arg-type]
        LooseFile.objects.create(name=name)
    with pytest.raises(OSError, match="locked"):
        files.tidy()
    assert list(LooseFile.objects.values_list("name", flat=True)) == ["stubborn"]
    # Not at once again.
    assert files.tidy() == 0


def test_any_storage_of_djangos_will_do(elsewhere: Storage, audio: Path, settings: Settings) -> None:
    with files.stored(audio, "one.mp3") as name:
        files.take(name)
    assert elsewhere.open(name).read() == b"sound"
