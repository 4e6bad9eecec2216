"""Rates as people write them: `60/m` is at most 60 starts in any minute, `10/30s` at most 10 in any 30 seconds."""

import re
from dataclasses import dataclass
from typing import Any, Final

#: What a rate looks like: a million starts at most, in up to 99,999 s, 9,999 m, 99 h or 31 d.
PATTERN: Final = "^[1-9][0-9]{0,5}/(([1-9][0-9]{0,4})?s|([1-9][0-9]{0,3})?m|([1-9][0-9]?)?h|([1-9]|[12][0-9]|3[01])?d)$"
#: What the tables take, which is a little more.
COLUMN_PATTERN: Final = "^[1-9][0-9]{0,5}/([1-9][0-9]{0,4})?[smhd]$"
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `starts` in any window of so many seconds."""

    starts: int
    seconds: int


def parse(text: Any) -> Rate | None:
    """Read a rate; None for what is none."""
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text) or text.endswith("\n"):
        return None
    starts, _, window = text.partition("/")
    return Rate(int(starts), int(window[:-1] or 1) * _UNITS[window[-1]])
