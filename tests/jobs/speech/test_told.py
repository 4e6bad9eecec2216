"""What the page about podcasts says of figures and settings is so."""

import inspect

import pytest
from pytest_django import Settings

from jobs.handlers.podcasts import generate_podcast
from jobs.speech import audio, files, programs, script, speaking
from jobs.speech.checks import check_speech_server
from jobs.speech.pieces import MOST_OF_PIECE
from tests.markdown import ROOT, table, words


def test_the_page_has_the_figures_of_the_program() -> None:
    page = (ROOT / "docs" / "podcasts.md").read_text()
    for told in (
        f"cut behind a sentence to {script.MOST:,} characters, {script.MOST // 2:,} of",
        f"at most {MOST_OF_PIECE:,} characters ({MOST_OF_PIECE // 2:,} wide ones)",
        f"more than {audio.MOST_BYTES >> 20} MiB",
        f"at most {programs._MEMORY >> 30} GiB of memory",
        f"{files.MOST_AT_ONCE} a minute at most",
        f"together {speaking.SECONDS:.0f} seconds",
    ):
        assert told in page
    assert files.INTERVAL == 60


def test_the_page_names_what_a_payload_may_have() -> None:
    named = [words(row[0])[0] for row in table("docs/podcasts.md", "payload")]
    parameters = list(inspect.signature(generate_podcast.__wrapped__).parameters)[1:]
    assert sorted(named) == sorted(parameters) == sorted(generate_podcast.job_type.schema["properties"])


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://tts.example.org/v1", 1), ("https://tts.example.org/v1", 0), ("http://localhost:8880/v1", 0), ("", 0)],
)
def test_a_server_that_others_can_listen_to_is_told_of(settings: Settings, url: str, told: int) -> None:
    settings.SPEECH_BASE_URL = url
    assert len(check_speech_server()) == told
