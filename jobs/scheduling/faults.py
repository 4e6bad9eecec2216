"""What a schedule may say, and what is refused before any write."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.utils import timezone

from jobs import catalogue, new_job, options, timing
from jobs.exceptions import (
    FunctionInactive,
    InvalidOption,
    InvalidPayload,
    InvalidSchedule,
    UnknownJobType,
    Violation,
)
from jobs.models import Schedule
from jobs.options import Options
from jobs.payloads import check_text
from jobs.registry import JobType

NAME_MAX_LENGTH: Final = options.TEXT_MAX_LENGTH
DESCRIPTION_MAX_LENGTH: Final = 2_000
#: How many times that passed are made up for at most.
CAP_MOST: Final = 1_000

#: Beyond these the calendars of Python and PostgreSQL, and the rules of time zones, end somewhere.
EARLIEST: Final = options.EARLIEST
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def check(fields: Mapping[str, Any], job_type: JobType | None = None) -> None:
    """Raise InvalidSchedule, which names everything that is wrong; a field that is not there is not looked at.

    The job type is given where it is not registered yet.
    """
    found = [violation for name, look in _LOOKS.items() if name in fields for violation in look(fields[name])]
    found += _wrong_order(fields)
    if not found and "job_type" in fields:
        found = _wrong_job(fields, job_type)
    if found:
        raise InvalidSchedule(found)


def job_of(fields: Mapping[str, Any]) -> tuple[str, dict[str, Any], Options]:
    """Give the type, payload and options of the jobs that a schedule makes."""
    chosen = Options(queue=fields["queue"], priority=fields["priority"], max_retries=fields["max_retries"])
    return fields["job_type"], fields["payload"], chosen


def _wrong_job(fields: Mapping[str, Any], job_type: JobType | None) -> list[Violation]:
    name, payload, chosen = job_of(fields)
    try:
        new_job.row_of(job_type or catalogue.job_type(name), payload, chosen)
    except UnknownJobType as error:
        return [Violation("/job_type", "unknown-job-type", str(error))]
    except FunctionInactive as error:
        return [Violation("/job_type", "function-inactive", str(error))]
    except InvalidPayload as error:
        return [Violation(f"/payload{v.pointer}", v.code, v.detail) for v in error.violations]
    except InvalidOption as error:
        return [Violation(f"/{error.option}", "invalid", error.detail.rstrip("."))]
    return []


def _wrong_order(fields: Mapping[str, Any]) -> list[Violation]:
    starts_at, ends_at = _moment_or_none(fields.get("starts_at")), _moment_or_none(fields.get("ends_at"))
    if starts_at and ends_at and ends_at <= starts_at:
        return [Violation("/ends_at", "order", "must be after starts_at")]
    return []


def _interval(value: Any) -> list[Violation]:
    try:
        timing.parse(value)
    except InvalidSchedule as error:
        return error.violations
    return []


def _payload(value: Any) -> list[Violation]:
    return [] if isinstance(value, dict) else [Violation("/payload", "type", "must be an object")]


def _text(name: str, least: int, most: int) -> Callable[[Any], list[Violation]]:
    def look(value: Any) -> list[Violation]:
        if not isinstance(value, str) or not least <= len(value.strip()) or len(value) > most:
            return [Violation(f"/{name}", "length", f"must be a text of {least} to {most} characters")]
        problem = check_text(value)
        return [Violation(f"/{name}", *problem)] if problem else []

    return look


def _word(name: str, words: list[str]) -> Callable[[Any], list[Violation]]:
    def look(value: Any) -> list[Violation]:
        # Not `in` alone: what is no text may not even be hashable.
        if not isinstance(value, str) or value not in words:
            return [Violation(f"/{name}", "choice", f"must be one of {', '.join(words)}")]
        return []

    return look


def _option(name: str, check: Callable[[Any], None]) -> Callable[[Any], list[Violation]]:
    def look(value: Any) -> list[Violation]:
        try:
            check(value)
        except InvalidOption as error:
            return [Violation(f"/{name}", "invalid", error.detail.rstrip("."))]
        return []

    return look


def _cap(value: Any) -> list[Violation]:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= CAP_MOST:
        return [Violation("/misfire_cap", "range", f"must be a whole number from 1 to {CAP_MOST}")]
    return []


def _is_active(value: Any) -> list[Violation]:
    return [] if isinstance(value, bool) else [Violation("/is_active", "type", "must be true or false")]


def _moment_or_none(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) and timezone.is_aware(value) else None


def _moment(name: str) -> Callable[[Any], list[Violation]]:
    def look(value: Any) -> list[Violation]:
        if value is None:
            return []
        if _moment_or_none(value) is None:
            return [Violation(f"/{name}", "type", "must be a date and time with a time zone")]
        if not EARLIEST <= value < LATEST:
            return [Violation(f"/{name}", "range", f"must be from {EARLIEST.year} to {LATEST.year - 1}")]
        return []

    return look


_LOOKS: Final[dict[str, Callable[[Any], list[Violation]]]] = {
    "name": _text("name", 1, NAME_MAX_LENGTH),
    "description": _text("description", 0, DESCRIPTION_MAX_LENGTH),
    "job_type": _option("job_type", options.check_job_type),
    "schedule_interval": _interval,
    "payload": _payload,
    "queue": _option("queue", options.check_queue),
    "priority": _option("priority", options.check_priority),
    "max_retries": _option("max_retries", options.check_max_retries),
    "is_active": _is_active,
    "starts_at": _moment("starts_at"),
    "ends_at": _moment("ends_at"),
    "misfire": _word("misfire", Schedule.Misfire.values),
    "misfire_cap": _cap,
    "overlap": _word("overlap", Schedule.Overlap.values),
}

#: What may be said when a schedule is made, and changed later.
FIELDS: Final = frozenset(_LOOKS)
