"""Handing jobs to a worker in another language: only what it can read, may do, and the catalogue knows."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from accounts.row_security import acting_as_system
from jobs import catalogue, language_rights
from jobs.exceptions import InvalidPayload, JobError, LanguageNotAllowed, UnknownJobType, Violation
from jobs.execution import describe
from jobs.languages import queue_of
from jobs.models import ProcessingLock
from jobs.outcomes import Attempt, DeadLettered, Released
from jobs.payloads import check_json
from jobs.releasing import release_waiting
from jobs.remote.ending import settle

#: Jobs that nobody can do are dead-lettered while a claim passes over them, so many batches of them at once.
MOST_ROUNDS: Final = 10

_ACQUIRE: Final = """
SELECT job_id::text, lock_token, job_type, queue, priority, payload::text, attempt, retry_count, max_retries, timeout,
       0.0::float8, user_id::text, request_id, waited
FROM acquire_job_lock(%s, %s::text[], make_interval(secs => %s), %s, %s::text[])
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker wants: jobs of these languages, and of these functions only if it names any."""

    holder: str
    languages: tuple[str, ...]
    job_types: tuple[str, ...] | None
    batch: int
    lock_seconds: float

    @property
    def queues(self) -> list[str]:
        return [queue_of(language) for language in self.languages]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in a worker's hands."""

    attempt: Attempt
    payload: dict[str, Any]
    expires_at: datetime
    session: str | None
    #: The trace that it belongs to.
    traceparent: str | None = None


def claim(wish: Wish) -> list[Claimed]:
    """Take out up to a batch of due jobs, the most urgent first.

    A job is dead-lettered instead, and never holds up those behind it, when its payload does not fit its function or
    cannot be read, when there is no such function or it is switched off, or when its owner may not use the language.
    """
    with acting_as_system():
        release_waiting()
    for _ in range(MOST_ROUNDS):
        with transaction.atomic():
            attempts = _acquire(wish)
            claimed = _sort_out(attempts)
        if claimed or not attempts:
            return claimed
    return []


def give_back(claimed: Iterable[Claimed]) -> None:
    """Put back what its worker never got to know of: pending at once, the attempt not counted."""
    with acting_as_system():
        for each in claimed:
            settle(each.attempt, Released(), 0.0)


def _acquire(wish: Wish) -> list[Attempt]:
    types = None if wish.job_types is None else list(wish.job_types)
    with connection.cursor() as cursor:
        cursor.execute(_ACQUIRE, [wish.holder, types, wish.lock_seconds, wish.batch, wish.queues])
        return [Attempt(*row) for row in cursor.fetchall()]


def _sort_out(attempts: Sequence[Attempt]) -> list[Claimed]:
    if not attempts:
        return []
    catalogue.prefetch(attempt.job_type for attempt in attempts)
    barred = _barred(attempts)
    locks = ProcessingLock.objects.filter(job_id__in=[attempt.id for attempt in attempts])
    wanted = locks.values_list("job_id", "expires_at", "job__session", "job__traceparent")
    facts = {str(row[0]): row for row in wanted}
    claimed = []
    for attempt in attempts:
        try:
            payload = _read(attempt, barred)
        except JobError as error:
            settle(attempt, DeadLettered(describe(attempt, error, "non_retryable")), 0.0)
        else:
            _, expires_at, session, traceparent = facts[attempt.id]
            claimed.append(Claimed(attempt, payload, expires_at, session, traceparent))
    return claimed


def _barred(attempts: Sequence[Attempt]) -> set[tuple[str, str | None]]:
    """Find the queues and owners of jobs that may not be done, because the right ended while they waited."""
    owners: dict[str, set[str]] = {}
    for attempt in attempts:
        if attempt.user_id:
            owners.setdefault(attempt.queue, set()).add(attempt.user_id)
    return {
        (queue, user_id)
        for queue, ids in owners.items()
        for user_id in language_rights.barred(language_rights.language_of(queue), ids)
    }


def _read(attempt: Attempt, barred: Collection[tuple[str, str | None]]) -> dict[str, Any]:
    """Give the payload, or raise what no retry can mend."""
    if (attempt.queue, attempt.user_id) in barred:
        raise LanguageNotAllowed(language_rights.language_of(attempt.queue))
    function = catalogue.job_type(attempt.job_type)
    if function.queue != attempt.queue:
        # Put here by hand: a name of Python's, or of another language.
        raise UnknownJobType(attempt.job_type)
    payload = _parse(attempt.payload)
    if violations := function.validator.violations(payload):
        raise InvalidPayload(violations)
    return payload


def _parse(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload([Violation("", "not-json", f"cannot be read: {error}")]) from error
    if not isinstance(payload, dict):
        raise InvalidPayload([Violation("", "type", "must be an object")])
    # What SQL has put in may be more than JSON can say on its way out.
    if violations := check_json(payload):
        raise InvalidPayload(violations)
    return payload
