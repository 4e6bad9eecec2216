"""When an attempt is made again, and how long an endpoint is left alone."""

import random
from typing import Final

#: Seconds before each attempt, as the specification suggests it: three days and a bit in all.
SCHEDULE: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
ATTEMPTS: Final = len(SCHEDULE)
#: No receiver may put us off for longer.
LONGEST_SECONDS: Final = 86_400.0

#: After so many failures in a row an endpoint gets one attempt at a time, with a rest behind each that fails.
PATIENCE: Final = 5
_FIRST_REST: Final = 5.0
LONGEST_REST: Final = 300.0
#: Who says "too many requests", or is overloaded, rests at once.
THROTTLING: Final = frozenset({429, 502, 503, 504})


def seconds_after(tries: int, asked: float | None) -> float | None:
    """Give the seconds from a failure to the next attempt, or None when so many tries were enough.

    A tenth of chance keeps those apart that failed together. What Retry-After asked for is heeded if it is longer.
    """
    if tries >= ATTEMPTS:
        return None
    usual = SCHEDULE[tries] * random.uniform(1.0, 1.1)  # noqa: S311 - jitter
    return min(max(usual, asked or 0.0), LONGEST_SECONDS)


def rest_after(failures: int, status: int | None, asked: float | None) -> float:
    """Give the seconds that an endpoint is left alone after so many failures in a row."""
    if failures >= PATIENCE:
        usual = min(_FIRST_REST * 2.0 ** min(failures - PATIENCE, 16), LONGEST_REST)
    elif status in THROTTLING:
        usual = _FIRST_REST
    else:
        return 0.0
    return max(usual, min(asked or 0.0, LONGEST_REST))
