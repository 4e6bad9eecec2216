"""Writing outcomes, fenced: what does not match its lock token changes nothing. Only the worker imports this."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import connections, transaction

from jobs import status_cache
from jobs.crash_points import commit_points
from jobs.drafts import Draft
from jobs.linking import link
from jobs.outcomes import Attempt, Cancelled, Completed, DeadLettered, Outcome, Released, Retry, Snoozed, Suspended

Recorded = tuple[Attempt, Outcome]

_COMPLETE: Final = "SELECT complete_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])::text"
_RETRY: Final = "SELECT retry_jobs(%s::uuid[], %s::bigint[], %s::float8[], %s::jsonb[], %s::boolean[])::text"
_SUSPEND: Final = "SELECT suspend_jobs(%s::uuid[], %s::bigint[], %s::float8[])::text"
_DEAD_LETTER: Final = "SELECT dead_letter_jobs(%s::uuid[], %s::bigint[], %s::jsonb[])::text"
_CANCEL: Final = "SELECT cancel_jobs(%s::uuid[], %s::bigint[])::text"
_RELEASE: Final = "SELECT release_jobs(%s::uuid[], %s::bigint[])::text"

#: As crash points name them.
_MOVES: Final[dict[type, str]] = {
    Completed: "complete",
    Retry: "retry",
    Suspended: "suspend",
    DeadLettered: "dead_letter",
}

# The lock row says whether the job is still the worker's; the job row is written only then.
_PROGRESS: Final = """
WITH held AS (
    SELECT o.job_id, o.percent, o.message FROM unnest(%s::uuid[], %s::bigint[], %s::integer[], %s::text[])
        AS o (job_id, lock_token, percent, message)
    JOIN job_processing_locks l ON l.job_id = o.job_id AND l.lock_token = o.lock_token
)
UPDATE job_queue j SET progress = held.percent, progress_message = held.message
FROM held WHERE j.id = held.job_id AND j.status = 'processing'
RETURNING j.id::text
"""


def record(outcomes: Sequence[Recorded], using: str = "default") -> list[Attempt]:
    """Write outcomes in one transaction, one statement for each kind; gives the attempts whose lock was lost."""
    # Whatever an outcome is, the database may let the job end with it.
    status_cache.block(attempt.id for attempt, _ in outcomes)
    groups: dict[type, list[Recorded]] = {}
    for attempt, outcome in outcomes:
        # A snooze is a retry that costs nothing: one statement serves both.
        kind = Retry if isinstance(outcome, Snoozed) else type(outcome)
        groups.setdefault(kind, []).append((attempt, outcome))
    statements = [_statement(kind, group) for kind, group in groups.items()]
    follow_ups = _follow_ups(groups.get(Completed, ()))
    with commit_points(*(_MOVES[kind] for kind in groups if kind in _MOVES), using=using):
        if len(statements) == 1 and not follow_ups:
            written = _execute(*statements[0], using)
        else:
            with transaction.atomic(using=using):
                written = {job_id for sql, arguments in statements for job_id in _execute(sql, arguments, using)}
                if drafts := [draft for job_id, drafts in follow_ups.items() if job_id in written for draft in drafts]:
                    link(drafts)
    return [attempt for attempt, _ in outcomes if attempt.id not in written]


def record_progress(attempts: Iterable[tuple[Attempt, tuple[int, str]]], using: str = "default") -> list[Attempt]:
    """Write the latest progress of running jobs; gives the attempts whose lock was lost."""
    said = list(attempts)
    columns = [[a.id, a.lock_token, percent, message] for a, (percent, message) in said]
    written = _execute(_PROGRESS, [list(column) for column in zip(*columns, strict=True)], using)
    return [attempt for attempt, _ in said if attempt.id not in written]


def _follow_ups(completed: Sequence[Recorded]) -> dict[str, tuple[Draft, ...]]:
    return {attempt.id: found for attempt, outcome in completed if (found := getattr(outcome, "follow_ups", None))}


def _statement(kind: type, group: Sequence[Recorded]) -> tuple[str, list[Any]]:
    keys: list[Any] = [[attempt.id for attempt, _ in group], [attempt.lock_token for attempt, _ in group]]
    outcomes = [outcome for _, outcome in group]
    if kind is Completed:
        return _COMPLETE, [*keys, [getattr(outcome, "result", None) for outcome in outcomes]]
    if kind is Cancelled:
        return _CANCEL, keys
    if kind is Released:
        return _RELEASE, keys
    if kind is Suspended:
        return _SUSPEND, [*keys, [getattr(outcome, "delay", None) for outcome in outcomes]]
    errors = [_error(attempt, outcome) for attempt, outcome in group]
    if kind is DeadLettered:
        return _DEAD_LETTER, [*keys, errors]
    delays = [getattr(outcome, "delay", 0.0) for outcome in outcomes]
    return _RETRY, [*keys, delays, errors, [isinstance(outcome, Retry) for outcome in outcomes]]


def _error(attempt: Attempt, outcome: Outcome) -> str | None:
    error = getattr(outcome, "error", None)
    return None if error is None else json.dumps(error)


def _execute(sql: str, arguments: list[Any], using: str) -> set[str]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, arguments)
        return {job_id for (job_id,) in cursor.fetchall()}
