from typing import Any, Final
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Tags, Warning, register

from jobs import conf

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@register(Tags.security, deploy=True)
def check_speech_server(**kwargs: Any) -> list[CheckMessage]:
    """A key and what is said are not for everybody on the way."""
    parts = urlsplit(conf.speech_base_url())
    if parts.scheme != "http" or parts.hostname in _LOOPBACK:
        return []
    return [
        Warning(
            "SPEECH_BASE_URL does not begin with https: its key and the scripts can be read on their way.",
            id="jobs.W004",
        )
    ]
