from collections.abc import Iterator
from typing import Any

import pytest

from tests.ai_server import AiServer, serving

#: Secrets that must be found nowhere but in the headers of requests.
GROQ_KEY = "gsk_canary0000000000000000000000000000000000"
CLAUDE_KEY = "sk-ant-canary-00000000000000000000000000000000"


@pytest.fixture
def ai(settings: Any) -> Iterator[AiServer]:
    """A server that both providers' clients are pointed to."""
    with serving() as server:
        configure(settings, server)
        yield server


def configure(settings: Any, server: AiServer) -> None:
    settings.GROQ_API_KEY, settings.GROQ_BASE_URL = GROQ_KEY, server.url
    settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = CLAUDE_KEY, server.url
    settings.GROQ_REQUESTS_PER_MINUTE = settings.ANTHROPIC_REQUESTS_PER_MINUTE = 0
