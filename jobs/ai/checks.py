"""What `manage.py check` says of the providers' settings."""

from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Tags, Warning, register

from jobs import conf
from jobs.ai.chain import MODELS
from jobs.ai.language_model import LanguageModel

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@register(Tags.compatibility)
def check_clients(**kwargs: Any) -> list[CheckMessage]:
    """A provider without its client is passed over, which nobody would notice."""
    return [
        Warning(
            f"{model.name} is not asked: {model.prefix}_API_KEY is set, but the package {model.package} is missing.",
            hint="Install the extra: pip install 'ekiden[ai]', or -r requirements-extras.txt.",
            id="jobs.W002",
        )
        for model in _wanted()
        if find_spec(model.package) is None
    ]


@register(Tags.security, deploy=True)
def check_addresses(**kwargs: Any) -> list[CheckMessage]:
    """Keys and articles are not for everybody on the way."""
    return [
        Warning(
            f"{model.prefix}_BASE_URL does not begin with https: the key and the articles can be read on their way.",
            id="jobs.W003",
        )
        for model in _wanted()
        if _in_the_clear(str(conf.of_provider(model.prefix, "BASE_URL")))
    ]


def _wanted() -> list[type[LanguageModel]]:
    return [MODELS[name] for name in conf.ai_providers() if conf.of_provider(MODELS[name].prefix, "API_KEY")]


def _in_the_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK
