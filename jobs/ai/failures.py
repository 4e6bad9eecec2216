"""What can go wrong with a call to a provider. The base says what the queue does about it, the code says why.

The provider's own words are left out: they may quote the text that was sent.
"""

from typing import ClassVar

from jobs.exceptions import JobError, NonRetryableError, RateLimitError, RetryableError
from jobs.models import ProviderCall

Outcome = ProviderCall.Outcome


class ProviderError(JobError):
    """A call to a provider came to nothing. Do not raise it directly."""

    outcome: ClassVar[str]

    def __init__(
        self, code: str, message: str, *, charged: bool = False, input_tokens: int = 0, output_tokens: int = 0
    ) -> None:
        JobError.__init__(self, message)
        #: A stable word for figures and lists.
        self.code = code
        #: Whether the provider may have charged for it, though nobody says how much.
        self.charged = charged
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


class Unavailable(ProviderError, RetryableError):
    """The provider gave no answer that can be read."""

    outcome: ClassVar[str] = Outcome.FAILED


class Unusable(ProviderError, RetryableError):
    """The provider answered, and its text cannot be used."""

    outcome: ClassVar[str] = Outcome.UNUSABLE


class Refused(ProviderError, NonRetryableError):
    """The provider does not do what it was asked for."""

    outcome: ClassVar[str] = Outcome.REFUSED

    def __init__(self, code: str, message: str, *, everything: bool = False) -> None:
        super().__init__(code, message)
        #: It will refuse every other request as well: the key, the account or the model is wrong.
        self.everything = everything


class Limited(ProviderError, RateLimitError):
    """The provider asks for fewer requests."""

    outcome: ClassVar[str] = Outcome.LIMITED

    def __init__(self, code: str, message: str, *, retry_after: float) -> None:
        ProviderError.__init__(self, code, message)
        self.retry_after = retry_after


class Skipped(Limited):
    """The provider is not asked just now."""

    outcome: ClassVar[str] = "skipped"
