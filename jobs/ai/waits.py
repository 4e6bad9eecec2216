"""For how long a provider wants to be left alone, as its answer says."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from jobs.articles.answers import LONGEST_WAIT, moment_of

_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
#: As Groq says it: 2m59.56s.
_SPAN: Final = re.compile(
    r"(?:([0-9]{1,4})h)?(?:([0-9]{1,4})m(?!s))?(?:([0-9]{1,6}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9})ms)?"
)
_LIMITS: Final = ("requests", "tokens", "input-tokens", "output-tokens")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds that the answer asks for, within bounds; None where it says nothing.

    Retry-After counts, in seconds or as a date; else the reset of the limits that are used up.
    """
    found = _retry_after(headers)
    if found is None:
        resets = [_reset(headers, limit) for limit in _LIMITS]
        found = max((seconds for seconds in resets if seconds is not None), default=None)
    return None if found is None else min(max(found, 1.0), LONGEST_WAIT)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    moment = moment_of(value)
    return None if moment is None else (moment - _now(headers)).total_seconds()


def _reset(headers: Mapping[str, str], limit: str) -> float | None:
    """Read x-ratelimit-reset-… (a span) or anthropic-ratelimit-…-reset (a moment), if nothing is left of that limit."""
    if headers.get(f"x-ratelimit-remaining-{limit}", "").strip() == "0":
        found = _SPAN.fullmatch(headers.get(f"x-ratelimit-reset-{limit}", "").strip())
        if found and any(found.groups()):
            hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
            return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    if headers.get(f"anthropic-ratelimit-{limit}-remaining", "").strip() == "0":
        moment = _moment(headers.get(f"anthropic-ratelimit-{limit}-reset", "").strip())
        return None if moment is None else (moment - _now(headers)).total_seconds()
    return None


def _now(headers: Mapping[str, str]) -> datetime:
    """Their clock, where they tell it: ours may go wrong."""
    return moment_of(headers.get("date", "")) or datetime.now(UTC)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
