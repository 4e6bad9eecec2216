"""What a caller may choose for a job beside its payload, and what is refused before any write."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypedDict

from django.utils import timezone

from jobs import rates
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.payloads import check_text, dump
from jobs.uniqueness import Unique

METADATA_MAX_BYTES: Final = 65_536
MAX_TAGS: Final = 10
TAG_MAX_LENGTH: Final = 64
TEXT_MAX_LENGTH: Final = 255
MAX_RETRIES: Final = 100
#: Of a concurrency limit.
MOST_AT_ONCE: Final = 100_000
#: Jobs that one job may depend on, beside those of a workflow or batch.
MAX_DEPENDENCIES: Final = 1_000
LONGEST_TIMEOUT: Final = 7 * 86_400.0
FURTHEST: Final = timedelta(days=366)
#: Of functions: their version, and for how many seconds their results may be kept.
VERSION_MAX_LENGTH: Final = 32
LONGEST_CACHE: Final = 366 * 86_400
#: The table holds no earlier time: some that PostgreSQL knows Python cannot read. An earlier one is as due as this.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# No dot in front: `.` and `..` would change the address of the queue in the API.
QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")


class Options(TypedDict, total=False):
    """Choices for one job; what is left out comes from the job type. Times are seconds."""

    queue: str
    priority: int
    scheduled_at: datetime | None
    delay: float | timedelta | None
    max_retries: int | None
    timeout: float | None
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    unique_key: str | None
    unique: Unique | None
    #: Jobs of one key share its limits; without a limit, one of them runs at a time.
    concurrency_key: str | None
    concurrency_limit: int | None
    #: "60/m" or "10/30s": so many starts in any such time.
    rate_limit: str | None
    #: A job that has not started by then, or so long after it was submitted, is cancelled.
    expires_at: datetime | timedelta | None
    user: Any
    workspace: Any
    project_name: str
    hostname: str
    arch: str
    #: A Job, what enqueue returned, or an id: cancelling it cancels this one, if it has not started.
    parent: Any
    #: Jobs, as `parent`, or After(job, condition): this one waits for all of them.
    depends_on: Iterable[Any]
    #: A NewJob that runs if this one fails for good.
    on_failure: Any
    #: Set by those who submit batches and workflows.
    batch: Any
    #: The request_id of the session that the job executes.
    session: str | None
    #: The X-Request-ID of the request that submits it; its end is told to observers.
    request_id: str | None


NAMES: Final = frozenset(Options.__annotations__)


def check_queue(name: Any) -> None:
    if not isinstance(name, str) or not QUEUE_NAME.fullmatch(name):
        raise InvalidOption("queue", "must be 1 to 64 letters, digits, dots, dashes or underscores, no dot first.")


def check_job_type(name: Any) -> None:
    _check_text("job_type", name, TEXT_MAX_LENGTH)
    if not name:
        raise InvalidOption("job_type", "must not be empty.")


def check_priority(priority: Any) -> None:
    _check_whole("priority", priority, 0, 100)


def check_scheduled_at(moment: Any) -> None:
    if not isinstance(moment, datetime) or not timezone.is_aware(moment):
        raise InvalidOption("scheduled_at", "must be a date and time with a time zone.")
    if moment > timezone.now() + FURTHEST:
        raise InvalidOption("scheduled_at", "must be at most one year ahead.")


def check_delay(delay: Any) -> None:
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 0 <= seconds <= FURTHEST.total_seconds()
    ):
        raise InvalidOption("delay", "must be a number of seconds from 0 to one year.")


def check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, Mapping):
        raise InvalidOption("metadata", "must be an object.")
    try:
        dump(dict(metadata), METADATA_MAX_BYTES, "metadata")
    except InvalidPayload as error:
        raise InvalidOption("metadata", str(error)) from error


def check_tags(tags: Any) -> None:
    if isinstance(tags, str) or not isinstance(tags, Sequence) or len(tags) > MAX_TAGS:
        raise InvalidOption("tags", f"must be a list of at most {MAX_TAGS} texts.")
    for tag in tags:
        _check_text("tags", tag, TAG_MAX_LENGTH)
        if not tag:
            raise InvalidOption("tags", "must not be empty texts.")


def check_name(name: Any) -> None:
    """Raise InvalidOption for what cannot name a batch or workflow."""
    _check_text("name", name, TEXT_MAX_LENGTH)


def check_timeout(timeout: Any) -> None:
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool) and math.isfinite(timeout)
    if not number or not 0 < timeout <= LONGEST_TIMEOUT:
        raise InvalidOption("timeout", f"must be a number of seconds above 0, at most {LONGEST_TIMEOUT:.0f}.")


def check_unique(unique: Any) -> None:
    if not isinstance(unique, Unique):
        raise InvalidOption("unique", "must be a Unique(…).")


def check_concurrency_limit(limit: Any) -> None:
    _check_whole("concurrency_limit", limit, 1, MOST_AT_ONCE)


def check_rate_limit(rate: Any) -> None:
    if rates.parse(rate) is None:
        raise InvalidOption("rate_limit", 'must be a rate like "60/m" or "10/30s", in s, m, h or d, at most 31 days.')


def check_expires_at(moment: Any) -> None:
    if isinstance(moment, timedelta):
        if not timedelta(0) < moment <= 2 * FURTHEST:
            raise InvalidOption("expires_at", "must be after the job is submitted, at most two years.")
    elif not isinstance(moment, datetime) or not timezone.is_aware(moment):
        raise InvalidOption("expires_at", "must be a date and time with a time zone, or a timedelta.")
    elif not EARLIEST <= moment <= timezone.now() + 2 * FURTHEST:
        raise InvalidOption("expires_at", "must be at most two years ahead.")


def check_max_retries(number: Any) -> None:
    _check_whole("max_retries", number, 0, MAX_RETRIES)


def check_cache_seconds(seconds: Any) -> None:
    _check_whole("cache_seconds", seconds, 1, LONGEST_CACHE)


def check(options: Options) -> None:
    """Raise InvalidOption for the first choice that is out of its range."""
    unknown = options.keys() - NAMES
    if unknown:
        raise InvalidOption(min(unknown), "is not an option of a job.")
    for name, value in options.items():
        if value is None and name not in {"queue", "priority", "tags", "metadata"}:
            continue
        if test := _CHECKS.get(name):
            test(value)
        elif name in _TEXTS:
            _check_text(name, value, TEXT_MAX_LENGTH)
    if options.get("delay") is not None and options.get("scheduled_at") is not None:
        raise InvalidOption("delay", "cannot be given together with scheduled_at.")


def _check_whole(name: str, number: Any, least: int, most: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise InvalidOption(name, f"must be a whole number from {least} to {most}.")


def _check_text(name: str, text: Any, longest: int) -> None:
    if not isinstance(text, str) or len(text) > longest:
        raise InvalidOption(name, f"must be a text of at most {longest} characters.")
    if problem := check_text(text):
        raise InvalidOption(name, problem[1] + ".")


_TEXTS: Final = frozenset(
    {"unique_key", "concurrency_key", "project_name", "hostname", "arch", "session", "request_id"}
)
_CHECKS: Final = {
    "queue": check_queue,
    "priority": check_priority,
    "scheduled_at": check_scheduled_at,
    "delay": check_delay,
    "max_retries": check_max_retries,
    "concurrency_limit": check_concurrency_limit,
    "rate_limit": check_rate_limit,
    "expires_at": check_expires_at,
    "unique": check_unique,
    "timeout": check_timeout,
    "tags": check_tags,
    "metadata": check_metadata,
}
