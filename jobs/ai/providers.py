"""What every provider of summaries offers, whoever is behind it: Groq, Claude, or the article's own beginning."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from jobs.articles.summarizing import Length


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a reader wants of a summary."""

    length: Length = "medium"
    #: A code such as "ja" or "en-GB"; None is the language of the source.
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What we send a provider at most; 0 a minute is as many as we like."""

    requests_per_minute: int = 0
    #: What may come above that in one burst, after a quieter time.
    burst: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider asks for, in US dollars per million tokens."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Give the dollars for so many tokens."""
        return (self.input * input_tokens + self.output * output_tokens) / 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's text, and what it took."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0


class Provider(Protocol):
    """Whoever can write a summary."""

    name: str
    #: Empty where there is none.
    model: str

    def generate_summary(self, content: str, preferences: Preferences) -> Answer:
        """Summarize a text; raises RetryableError, NonRetryableError or RateLimitError."""
        ...

    @property
    def rate_limit(self) -> RateLimit: ...

    @property
    def cost(self) -> Price: ...
