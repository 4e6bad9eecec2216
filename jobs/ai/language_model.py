"""A provider that is a language model behind an official client."""

import logging
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any, ClassVar, Final

from jobs import conf
from jobs.ai.calls import call
from jobs.ai.outputs import as_summary, as_text
from jobs.ai.prompts import Prompt, summary_prompt, text_prompt
from jobs.ai.providers import NOBODY, NOTHING_KNOWN, Answer, Caller, Preferences, Price, RateLimit, Source

#: Loggers of the clients and their HTTP libraries. Below this they write down what is sent.
_TALKATIVE: Final = ("groq", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2")
#: A token has hardly more characters than that.
_CHARACTERS_OF_A_TOKEN: Final = 8
#: Nobody takes more for one answer; the columns hold it.
_MOST_TOKENS: Final = 10_000_000


class LanguageModel(ABC):
    """What Groq and Claude have in common: settings, prompts, guards. Each adds how its client is asked."""

    name: ClassVar[str]
    #: How its settings begin.
    prefix: ClassVar[str]
    #: The name of the official client's package.
    package: ClassVar[str]

    def __init__(self) -> None:
        self.model = str(self._setting("MODEL"))
        self.rate_limit = RateLimit(int(self._setting("REQUESTS_PER_MINUTE")), int(self._setting("BURST_SIZE")))
        self.cost = Price(self._setting("INPUT_PRICE"), self._setting("OUTPUT_PRICE"))

    def generate_summary(
        self, content: str, preferences: Preferences, *, source: Source = NOTHING_KNOWN, caller: Caller = NOBODY
    ) -> Answer:
        """Summarize a text, within the limits of provider and user; raises one of the errors in `failures`."""
        prompt = summary_prompt(
            content, preferences, title=source.title, language_of_source=source.language, refused=source.refused
        )
        return call(self, prompt, "summary", caller, lambda answer: as_summary(answer, prompt.mark, preferences.length))

    def generate_text(
        self, instructions: str, content: str, *, purpose: str, most_tokens: int, caller: Caller = NOBODY
    ) -> Answer:
        """Write a text by instructions of ours from a content that is data; raises as generate_summary does."""
        prompt = text_prompt(instructions, content, most_tokens)
        most = most_tokens * _CHARACTERS_OF_A_TOKEN
        return call(self, prompt, purpose, caller, lambda answer: as_text(answer, prompt.mark, most))

    @abstractmethod
    def ask(self, prompt: Prompt, within: float) -> Answer:
        """Send one request, which takes so many seconds at most, however its answer is spread over them."""

    def _setting(self, name: str) -> Any:
        return conf.of_provider(self.prefix, name)


def tokens(counted: object) -> int:
    """Read a count of tokens out of an answer, where it may be anything."""
    return min(max(counted, 0), _MOST_TOKENS) if isinstance(counted, int) else 0


def quiet(sdk: ModuleType) -> ModuleType:
    """Keep a client, just imported, from logging pages and headers, whatever the site's level or its environment is."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    return sdk
