"""Podcasts over the API: who may listen, and in parts as players ask for them."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Article, LooseFile, Podcast
from jobs.pipeline.submitting import delete_article
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.jobs.speech.podcasts import path_of, stored_podcast, tone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

WAV = tone(0.5)


@pytest.fixture
def article(user: User) -> Article:
    return Article.objects.create(user=user, title="Ekiden", text="Ekiden is a relay race.", stage="validated")


@pytest.fixture
def podcast(user: User, article: Article, media: Path) -> Podcast:
    return stored_podcast(WAV, seconds=0.5, user=user, article=article)


def audio(client: APIClient, podcast: Podcast, method: str = "get", **headers: str) -> Any:
    return getattr(client, method)(f"/api/v1/podcasts/{podcast.pk}/audio", **headers)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_a_podcast_tells_what_it_is(client: APIClient, podcast: Podcast, article: Article) -> None:
    found = client.get(f"/api/v1/podcasts/{podcast.pk}").json()
    assert found == {
        "podcast_id": str(podcast.pk),
        "article_id": str(article.pk),
        "script": "Ekiden is a relay race.",
        "language": "en",
        "duration_seconds": 0.5,
        "size_bytes": len(WAV),
        "content_type": "audio/wav",
        "engine": "espeak-ng",
        "voice": "en-us",
        "audio_url": f"/api/v1/podcasts/{podcast.pk}/audio",
        "job_id": str(podcast.job_id),
        "created_at": found["created_at"],
    }
    assert client.get(f"/api/v1/articles/{article.pk}/podcasts").json()["data"] == [found]


def test_the_file_comes_as_a_whole_with_what_players_ask_for(client: APIClient, podcast: Podcast) -> None:
    response = audio(client, podcast)
    assert (response.status_code, body(response)) == (200, WAV)
    told = {name: response[name] for name in ("Content-Type", "Content-Length", "Accept-Ranges", "Cache-Control")}
    assert told == {
        "Content-Type": "audio/wav",
        "Content-Length": str(len(WAV)),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
    }
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'inline; filename="podcast-{podcast.pk}.wav"'
    head = audio(client, podcast, "head")
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(WAV)), b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, len(WAV)),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        (f"bytes={len(WAV) - 1}-", len(WAV) - 1, len(WAV)),
        ("bytes=-10", len(WAV) - 10, len(WAV)),
        ("bytes=-9999999", 0, len(WAV)),
        ("bytes=20-9999999", 20, len(WAV)),
    ],
)
def test_a_part_is_just_that_part(client: APIClient, podcast: Podcast, asked: str, start: int, end: int) -> None:
    response = audio(client, podcast, HTTP_RANGE=asked)
    assert (response.status_code, body(response)) == (206, WAV[start:end])
    assert response["Content-Range"] == f"bytes {start}-{end - 1}/{len(WAV)}"
    assert response["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,4-5", "bytes=1", ""])
def test_a_range_that_cannot_be_read_is_passed_over(client: APIClient, podcast: Podcast, asked: str) -> None:
    response = audio(client, podcast, HTTP_RANGE=asked)
    assert (response.status_code, body(response)) == (200, WAV)


@pytest.mark.parametrize("asked", [f"bytes={len(WAV)}-", "bytes=999999999999999999-", "bytes=-0"])
def test_a_part_that_is_not_there_is_said_so(client: APIClient, podcast: Podcast, asked: str) -> None:
    response = audio(client, podcast, HTTP_RANGE=asked)
    problem(response, 416, "range-not-satisfiable")
    assert response["Content-Range"] == f"bytes */{len(WAV)}"


def test_who_has_it_already_gets_it_not_again(client: APIClient, podcast: Podcast) -> None:
    first = audio(client, podcast)
    body(first)
    known = audio(client, podcast, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (known.status_code, body(known), known["ETag"]) == (304, b"", first["ETag"])
    assert known["Cache-Control"] == "private, max-age=3600"
    assert audio(client, podcast, HTTP_IF_MODIFIED_SINCE=first["Last-Modified"]).status_code == 304
    # A part of the file that is known, or all of the one that is there now.
    for same in (first["ETag"], first["Last-Modified"]):
        assert body(audio(client, podcast, HTTP_RANGE="bytes=0-9", HTTP_IF_RANGE=same)) == WAV[:10]
    for other in ('"another"', "Sat, 01 Jan 2000 00:00:00 GMT", "nonsense"):
        response = audio(client, podcast, HTTP_RANGE="bytes=0-9", HTTP_IF_RANGE=other)
        assert (response.status_code, body(response)) == (200, WAV)


def test_an_audio_player_need_not_accept_json(client: APIClient, podcast: Podcast) -> None:
    response = audio(client, podcast, HTTP_ACCEPT="audio/*")
    assert body(response) == WAV


def test_it_is_there_for_its_owner_and_for_staff_alone(client: APIClient, podcast: Podcast) -> None:
    bob = client_of(UserFactory(user_id="bob"))
    for path in (f"podcasts/{podcast.pk}", f"podcasts/{podcast.pk}/audio", f"articles/{podcast.article_id}/podcasts"):
        problem(bob.get(f"/api/v1/{path}"), 404, "not-found")
        problem(APIClient().get(f"/api/v1/{path}"), 401, "not-authenticated")
    problem(bob.delete(f"/api/v1/podcasts/{podcast.pk}"), 404, "not-found")
    staff = client_of(UserFactory(role="viewer"))
    assert body(audio(staff, podcast)) == WAV


def test_a_file_that_the_storage_has_lost_is_not_found(client: APIClient, podcast: Podcast) -> None:
    path_of(podcast).unlink()
    problem(audio(client, podcast), 404, "not-found")
    assert client.get(f"/api/v1/podcasts/{podcast.pk}").status_code == 200


def test_a_deleted_podcast_leaves_its_file_to_the_workers(client: APIClient, podcast: Podcast) -> None:
    assert client.delete(f"/api/v1/podcasts/{podcast.pk}").status_code == 204
    problem(audio(client, podcast), 404, "not-found")
    assert list(LooseFile.objects.due().values_list("name", flat=True)) == [podcast.audio.name]


def test_the_podcasts_of_a_deleted_article_go_with_it(client: APIClient, podcast: Podcast, user: User) -> None:
    delete_article(podcast.article_id, user)  # type: ignore[arg-type]
    problem(client.get(f"/api/v1/podcasts/{podcast.pk}"), 404, "not-found")
    assert LooseFile.objects.filter(name=podcast.audio.name).exists()


def test_those_of_an_article_that_was_hidden_otherwise_are_hidden_too(client: APIClient, podcast: Podcast) -> None:
    Article.objects.update(is_deleted=True)
    problem(audio(client, podcast), 404, "not-found")


@pytest.mark.usefixtures("handlers_as_app")
def test_the_web_processs_own_role_may_do_all_of_it(client: APIClient, podcast: Podcast) -> None:
    assert len(client.get(f"/api/v1/articles/{podcast.article_id}/podcasts").json()["data"]) == 1
    assert body(audio(client, podcast)) == WAV
    assert client.delete(f"/api/v1/podcasts/{podcast.pk}").status_code == 204
    assert LooseFile.objects.filter(name=podcast.audio.name).exists()
