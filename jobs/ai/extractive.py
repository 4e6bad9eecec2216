from typing import Final

from jobs.ai.providers import NOBODY, NOTHING_KNOWN, Answer, Caller, Preferences, Price, RateLimit, Source
from jobs.articles.languages import primary
from jobs.articles.summarizing import PROVIDER, summarize_text


class Extractive:
    """The article's own beginning: no model, no network, no cost; it answers whenever there is any text."""

    name: Final = PROVIDER
    model: Final = ""
    rate_limit: Final = RateLimit()
    cost: Final = Price()

    def generate_summary(
        self, content: str, preferences: Preferences, *, source: Source = NOTHING_KNOWN, caller: Caller = NOBODY
    ) -> Answer:
        """Take whole sentences from the beginning; raises NoTextFound."""
        summary = summarize_text(content, length=preferences.length, language=primary(preferences.language))
        return Answer(summary.text)
