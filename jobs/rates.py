"""Rates as people write them: `60/m` is at most 60 starts in any minute, `10/30s` at most 10 in any 30 seconds."""

import re
from dataclasses import dataclass
from typing import Any, Final

#: What a rate looks like, for Python, PostgreSQL and the API's description alike.
PATTERN: Final = "^[1-9][0-9]{0,5}/([1-9][0-9]{0,4})?[smhd]$"
LONGEST_SECONDS: Final = 31 * 86_400
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `starts` in any window of so many seconds."""

    starts: int
    seconds: int


def parse(text: Any) -> Rate | None:
    """Read a rate; None for what is none, or for a window longer than a month."""
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text) or text.endswith("\n"):
        return None
    starts, _, window = text.partition("/")
    seconds = int(window[:-1] or 1) * _UNITS[window[-1]]
    return Rate(int(starts), seconds) if seconds <= LONGEST_SECONDS else None
