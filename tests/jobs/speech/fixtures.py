from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.jobs.speech.server import SpeechServer, serving_speech

KEY = "sk-the-key-of-this-site-0123456789"


@pytest.fixture
def media(settings: Settings, tmp_path: Path) -> Path:
    """A directory for the files of this test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def server(settings: Settings) -> Iterator[SpeechServer]:
    """A speech server that the settings name."""
    with serving_speech() as server:
        settings.SPEECH_BASE_URL = server.base_url
        settings.SPEECH_API_KEY = KEY
        settings.SPEECH_TIMEOUT = 10.0
        yield server
