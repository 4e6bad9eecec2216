"""What every provider of summaries offers, whoever is behind it: Groq, Claude, or the article's own beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol
from uuid import UUID

from jobs.articles.summarizing import Length
from jobs.articles.validation import Reason


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
class Caller:
    """On whose account a provider is asked, and how long it may take."""

    #: The user's primary key; None: a job without an owner.
    user_id: Any = None
    job_id: UUID | None = None
    #: Seconds for this provider; None is as long as one request may take.
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of an article beside its text."""

    title: str = ""
    language: str | None = None
    #: What was wrong with the last summary of it.
    refused: Sequence[Reason] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's text, and what it took."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    #: It broke off at the most tokens it had.
    cut_off: bool = False


NOTHING_KNOWN: Final = Source()
NOBODY: Final = Caller()


class Provider(Protocol):
    """Whoever can write a summary."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str:
        """The model's name; empty where there is none."""
        ...

    @property
    def rate_limit(self) -> RateLimit: ...

    @property
    def cost(self) -> Price: ...

    def generate_summary(
        self, content: str, preferences: Preferences, *, source: Source = NOTHING_KNOWN, caller: Caller = NOBODY
    ) -> Answer:
        """Summarize a text; raises RetryableError, NonRetryableError or RateLimitError."""
        ...
