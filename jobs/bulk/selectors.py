"""What a selector may say: ids, or a filter by the names of the lists' own query parameters."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime

from jobs.exceptions import InvalidOption
from jobs.options import TEXT_MAX_LENGTH
from jobs.payloads import check_text
from jobs.search.language.errors import QueryError
from jobs.search.language.parsing import parse
from jobs.statuses import Resolution, Status

MOST_IDS: Final = 10_000
QUERY_MAX_LENGTH: Final = 2_000

Check = Callable[[Any], Any]


def checked_selector(target: str, selector: Mapping[str, Any]) -> dict[str, Any]:
    """Give the selector as it is stored: sorted ids, or a filter that holds nothing empty; raises InvalidOption."""
    if len(selector) != 1 or not selector.keys() <= {"ids", "filter", "failures_of"}:
        raise InvalidOption("selector", "must have either ids or filter.")
    if "ids" in selector:
        return {"ids": _checked_ids(selector["ids"])}
    if "failures_of" in selector:
        return {"failures_of": str(_id(selector["failures_of"]))}
    return {"filter": checked_filter(target, selector["filter"])}


def checked_filter(target: str, wanted: Any) -> dict[str, Any]:
    """Give a filter whose every value was looked at; raises InvalidOption naming the first that is wrong."""
    names = NAMES[target]
    if not isinstance(wanted, Mapping):
        raise InvalidOption("selector/filter", "must be an object.")
    found = {}
    for name, value in wanted.items():
        place = f"selector/filter/{name}"
        if name not in names:
            raise InvalidOption(place, f"must be one of {', '.join(sorted(names))}.")
        try:
            checked = names[name](value)
        except (TypeError, ValueError) as error:
            raise InvalidOption(place, str(error)) from error
        if checked not in (None, [], ""):
            found[name] = checked
    return found


def read_moment(text: str) -> datetime:
    """Give the moment that a checked filter holds as text."""
    return datetime.fromisoformat(text)


def _checked_ids(ids: Any) -> list[str]:
    if not isinstance(ids, list | tuple | set | frozenset) or not 1 <= len(ids) <= MOST_IDS:
        raise InvalidOption("selector/ids", f"must be between 1 and {MOST_IDS:,} ids.")
    try:
        return [str(each) for each in sorted({_id(value) for value in ids})]
    except ValueError as error:
        raise InvalidOption("selector/ids", str(error)) from error


def _id(value: Any) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError("must be a UUID.") from error


def _id_text(value: Any) -> str:
    return str(_id(value))


def _word(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX_LENGTH:
        raise ValueError(f"must be a text of 1 to {TEXT_MAX_LENGTH} characters.")
    if wrong := check_text(value):
        raise ValueError(f"{wrong[1]}.")
    return value


def _moment(value: Any) -> str:
    if isinstance(value, str):
        try:
            value = parse_datetime(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a date and time such as 2026-01-31T09:00:00Z.")
    return value.isoformat()


def _priority(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError("must be a whole number from 0 to 100.")
    return value


def _yes_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError("must be true or false.")


def _query(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= QUERY_MAX_LENGTH:
        raise ValueError(f"must be a text of 1 to {QUERY_MAX_LENGTH:,} characters.")
    try:
        parse(value)
    except QueryError as error:
        raise ValueError(error.message) from error
    return value


def _among(words: list[str]) -> Check:
    def check(value: Any) -> list[str]:
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list | tuple) or not all(word in words for word in several):
            raise ValueError(f"must be some of {', '.join(words)}.")
        return sorted({str(word) for word in several})

    return check


#: What a filter may name, by the target.
NAMES: Final[dict[str, dict[str, Check]]] = {
    "job": {
        "status": _among(list(Status.values)),
        "type": _word,
        "queue": _word,
        "priority_min": _priority,
        "priority_max": _priority,
        "tag": _word,
        "created_after": _moment,
        "created_before": _moment,
        "scheduled_after": _moment,
        "scheduled_before": _moment,
        "parent": _id_text,
        "batch": _id_text,
        "schedule": _id_text,
        "deleted": _yes_no,
        "q": _query,
    },
    "dead_letter": {
        "resolution": _among(list(Resolution.values)),
        "type": _word,
        "fingerprint": _word,
        "moved_after": _moment,
        "moved_before": _moment,
        "queue": _word,
        "q": _query,
    },
}
