"""Which jobs of a type may not run together, or not too often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.exceptions import InvalidOption

#: A text with names of the payload in braces, or what gives the key for a payload; None is no key.
Key = str | Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What jobs of one type get unless the caller says otherwise."""

    key: Key
    concurrency_limit: int | None = None
    rate_limit: str | None = None

    def key_for(self, payload: Mapping[str, Any], defaults: Mapping[str, Any]) -> str | None:
        """Give the key of a job with this payload; raises InvalidOption where the template names what is not there."""
        if not isinstance(self.key, str):
            return self.key(payload)
        try:
            return self.key.format_map({**defaults, **payload})
        except (KeyError, IndexError, AttributeError, ValueError) as error:
            raise InvalidOption("concurrency_key", f"cannot be made of this payload by {self.key!r}.") from error
