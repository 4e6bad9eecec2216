"""How long a job waits before its next attempt."""

import math
import random
from collections.abc import Callable
from typing import Any, Final

#: Takes the number of retries already used (0 for the first failure), gives seconds.
Backoff = Callable[[int], float]

#: A retry is never further away than a day, whatever the exponent says.
LONGEST_SECONDS: Final = 86_400.0


def exponential(base: float = 2.0, jitter: float = 0.0, longest: float = LONGEST_SECONDS) -> Backoff:
    """Wait base to the power of the retries used: 1, 2, 4 … seconds for base 2.

    `jitter` 0.1 spreads each wait evenly over 90% to 110% of itself.
    """

    def wait(retries_used: int) -> float:
        try:
            seconds = min(longest, float(base) ** retries_used)
        except OverflowError:
            seconds = longest
        return seconds * random.uniform(1 - jitter, 1 + jitter) if jitter else seconds  # noqa: S311

    return wait


def lawful(seconds: Any, longest: float = LONGEST_SECONDS) -> float:
    """Give a wait the database can hold, whatever a handler said: what is no number of seconds becomes one second."""
    try:
        number = float(seconds)
    except (TypeError, ValueError, OverflowError):
        return 1.0
    return 1.0 if math.isnan(number) else min(longest, max(0.0, number))


def constant(seconds: float) -> Backoff:
    """Wait the same number of seconds every time."""
    return lambda retries_used: seconds
