from typing import Final

from jobs.ai.providers import Answer, Preferences, Price, RateLimit
from jobs.articles.languages import primary
from jobs.articles.summarizing import PROVIDER, summarize_text


class Extractive:
    """The article's own beginning: no model, no network, no cost; it answers whenever there is any text."""

    name: Final = PROVIDER
    model: Final = ""

    def generate_summary(self, content: str, preferences: Preferences) -> Answer:
        """Take whole sentences from the beginning; raises NoTextFound."""
        summary = summarize_text(content, length=preferences.length, language=primary(preferences.language))
        return Answer(summary.text)

    @property
    def rate_limit(self) -> RateLimit:
        return RateLimit()

    @property
    def cost(self) -> Price:
        return Price()
