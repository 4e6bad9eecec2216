"""Speech by a server with OpenAI's wire format: what it is asked, and what its answers mean."""

import threading
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_django import Settings

from jobs.exceptions import JobCancelled, JobError, RateLimitError
from jobs.speech import answers
from jobs.speech.exceptions import AudioTooLarge, SpeechFailed, SpeechRefused, SpeechTimedOut, UnusableAudio
from jobs.speech.pieces import MOST_OF_PIECE, weight
from jobs.speech.speaking import speak
from tests.jobs.articles.web import page, raw
from tests.jobs.speech.fixtures import KEY
from tests.jobs.speech.podcasts import tone
from tests.jobs.speech.server import SpeechServer, audio, dripping, error, refusal, reset

FIXTURES: Final = Path(__file__).parents[2] / "fixtures" / "speech"
ONE: Final = (FIXTURES / "constant-1.mp3").read_bytes()
SCRIPT: Final = "Ekiden is a relay race."
LONG: Final = "Each runner hands over the sash to the next one. " * 150


def failure(tmp_path: Path, kind: type[JobError], script: str = SCRIPT, **how: Any) -> str:
    with pytest.raises(kind) as raised:
        speak(script, "en", tmp_path, **how)
    assert type(raised.value) is kind
    # Nothing that is written down with an error holds the key.
    seen: BaseException | None = raised.value
    while seen is not None:
        assert KEY not in str(seen)
        seen = seen.__cause__
    return str(raised.value)


def test_it_is_asked_for_what_the_settings_say(server: SpeechServer, settings: Settings, tmp_path: Path) -> None:
    settings.SPEECH_MODEL, settings.SPEECH_VOICE = "kokoro", "af_heart"
    server.queue = [audio(ONE)]
    spoken = speak(SCRIPT, "en", tmp_path)
    assert server.asked == [{"model": "kokoro", "voice": "af_heart", "input": SCRIPT, "response_format": "mp3"}]
    ((path, headers),) = server.requests
    assert (path, headers["Authorization"]) == ("/v1/audio/speech", f"Bearer {KEY}")
    assert (spoken.engine, spoken.voice, spoken.content_type, spoken.extension) == (
        *("kokoro", "af_heart"),
        *("audio/mpeg", ".mp3"),
    )


def test_a_job_may_choose_the_voice_and_a_server_may_need_no_key(
    server: SpeechServer, settings: Settings, tmp_path: Path
) -> None:
    settings.SPEECH_API_KEY, settings.SPEECH_FORMAT = "", "wav"
    server.queue = [audio(tone(0.3), "audio/wav")]
    spoken = speak(SCRIPT, "en", tmp_path, voice="nova")
    assert (server.asked[0]["voice"], server.asked[0]["response_format"]) == ("nova", "wav")
    assert "Authorization" not in server.requests[0][1]
    assert (spoken.voice, spoken.content_type, spoken.duration_seconds) == ("nova", "audio/wav", pytest.approx(0.3))


def test_a_long_script_is_sent_in_pieces_that_end_with_sentences(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [audio(tone(0.25), "audio/wav"), audio(tone(0.5), "audio/wav")]
    spoken = speak(LONG, "en", tmp_path)
    sent = [asked["input"] for asked in server.asked]
    assert len(sent) == 2 and max(map(weight, sent)) <= MOST_OF_PIECE
    assert all(piece.endswith(".") for piece in sent)
    assert " ".join(sent) == LONG.strip()
    assert spoken.duration_seconds == pytest.approx(0.75)


def test_what_comes_is_known_by_its_bytes_whatever_it_is_called(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [audio(tone(0.2), "application/octet-stream")]
    assert speak(SCRIPT, "en", tmp_path).content_type == "audio/wav"


def test_too_many_requests_are_waited_for(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [error(429, "Rate limit reached", "rate_limit_exceeded", Retry_After="37")]
    with pytest.raises(RateLimitError) as raised:
        speak(SCRIPT, "en", tmp_path)
    assert raised.value.retry_after == 37


def test_an_empty_account_is_not_waited_for(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [error(429, "You exceeded your current quota", "insufficient_quota")]
    assert "You exceeded your current quota" in failure(tmp_path, SpeechRefused)


@pytest.mark.parametrize("status", [500, 502, 503, 408, 409])
def test_what_may_pass_is_tried_again(server: SpeechServer, tmp_path: Path, status: int) -> None:
    server.queue = [error(status, "The server had an error")]
    assert failure(tmp_path, SpeechFailed) == f"The speech server answered {status}: The server had an error"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_will_not_pass_is_not(server: SpeechServer, tmp_path: Path, status: int) -> None:
    server.queue = [error(status, "The model `tts-9` does not exist", "model_not_found")]
    assert "tts-9" in failure(tmp_path, SpeechRefused)


def test_a_refused_key_is_said_without_the_key(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [error(401, f"Incorrect API key provided: {KEY}", "invalid_api_key")]
    said = failure(tmp_path, SpeechRefused)
    assert "SPEECH_API_KEY" in said and "Incorrect API key provided" in said


def test_no_redirect_is_followed_with_the_key(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [page(b"", status=307, Location=f"{server.base_url}/elsewhere")]
    assert "SPEECH_BASE_URL" in failure(tmp_path, SpeechRefused)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal({"error": {"message": "out of memory"}}),
        refusal({"detail": "out of memory"}),
        refusal("out of memory"),
        page(b"<html>out of order</html>", "text/html"),
        page(b"", "audio/mpeg"),
        audio(b"no sound at all, and nothing like it"),
        audio(ONE[:3]),
        audio(tone(0.2)[:40], "audio/wav"),
        audio(tone(0.2)[:-500], "audio/wav"),
    ],
    ids=["error", "detail", "text", "page", "empty", "noise", "bytes", "header", "cut"],
)
def test_words_and_noise_are_no_audio(server: SpeechServer, tmp_path: Path, answer: Any) -> None:
    server.queue = [answer]
    failure(tmp_path, UnusableAudio)


def test_a_server_that_hangs_up_is_tried_again(server: SpeechServer, tmp_path: Path) -> None:
    server.queue = [reset]
    failure(tmp_path, SpeechFailed)
    server.queue = [raw()]
    failure(tmp_path, SpeechFailed)
    server.queue = [raw(b"not HTTP at all\r\n\r\n")]
    failure(tmp_path, SpeechFailed)


def test_nobody_there_is_tried_again(settings: Settings, tmp_path: Path) -> None:
    settings.SPEECH_BASE_URL = "http://127.0.0.1:1/v1"
    assert "ConnectionRefused" in failure(tmp_path, SpeechFailed)


def test_a_server_that_drips_is_given_up_in_time(server: SpeechServer, settings: Settings, tmp_path: Path) -> None:
    settings.SPEECH_TIMEOUT = 0.4
    server.queue = [dripping()]
    failure(tmp_path, SpeechTimedOut)


def test_a_server_that_says_nothing_is_given_up_in_time(
    server: SpeechServer, settings: Settings, tmp_path: Path
) -> None:
    server.queue = [lambda handler: handler.server.over.wait(20)]
    failure(tmp_path, SpeechTimedOut, seconds=0.4)


def test_a_body_that_does_not_end_is_cut_off(
    server: SpeechServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 200_000)
    server.queue = [audio(b"\xff\xf3" * 200_000)]
    failure(tmp_path, AudioTooLarge)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 200_000


def test_whoever_cancels_need_not_wait_for_the_server(server: SpeechServer, tmp_path: Path) -> None:
    cancelled = threading.Event()

    def stop() -> None:
        if cancelled.is_set():
            raise JobCancelled

    server.queue = [dripping()]
    threading.Timer(0.1, cancelled.set).start()
    failure(tmp_path, JobCancelled, stop=stop)
    failure(tmp_path, JobCancelled, stop=stop)
    assert len(server.requests) == 1
