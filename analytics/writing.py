"""The one transaction that fills the request log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connections, router

from accounts.row_security import acting_as_system
from analytics.endings import Ending
from analytics.histories import missed_errors
from analytics.models import RequestLog
from analytics.models.alarm import count_alarms
from analytics.owners import user_ids
from analytics.rows import ErrorRow, OutcomeRow, RequestRow, time_of

R = TypeVar("R", RequestRow, OutcomeRow, ErrorRow)

QUERIES: Final = Path(__file__).parent / "sql" / "queries"
_REQUESTS: Final = (QUERIES / "record_requests.sql").read_text(encoding="utf-8")
_OUTCOMES: Final = (QUERIES / "record_outcomes.sql").read_text(encoding="utf-8")
_ERRORS: Final = (QUERIES / "record_errors.sql").read_text(encoding="utf-8")
_LATE: Final = (QUERIES / "touch_late_hours.sql").read_text(encoding="utf-8")

# The ORM has FOR UPDATE only, which would have writers wait for one another.
_CLOSED_UNTIL: Final = "SELECT closed_until FROM rollup_state FOR SHARE"


#: What the log is told; endings are made into rows only here, off the path of those who tell.
Row = RequestRow | OutcomeRow | ErrorRow | Ending


def write(news: Sequence[Row], alarms: Mapping[str, int] | None = None) -> None:
    """Write the rows, and raise the counters of the alarms, in one transaction; a second time changes nothing more."""
    rows = [row for told in news for row in (told.rows() if isinstance(told, Ending) else [told])]
    requests, outcomes, errors = _latest(rows, RequestRow), _latest(rows, OutcomeRow), _latest(rows, ErrorRow)
    errors = _latest([*errors, *missed_errors(outcomes)], ErrorRow)
    pks = {row.user_pk for row in outcomes} | {row.user_pk for row in errors}
    owners = user_ids({pk for pk in pks if pk})
    alias = router.db_for_write(RequestLog)
    with acting_as_system(using=alias), connections[alias].cursor() as cursor:
        _touch_late_hours(cursor, [*(r.id for r in requests), *(o.id for o in outcomes), *_parents(errors)])
        if requests:
            cursor.execute(_REQUESTS, _columns(requests, _request_values))
        if outcomes:
            cursor.execute(_OUTCOMES, _columns(outcomes, lambda row: _outcome_values(row, owners)))
        if errors:
            cursor.execute(_ERRORS, _columns(errors, lambda row: _error_values(row, owners)))
        count_alarms(alarms or {}, alias)


def times(rows: Iterable[Row]) -> list[datetime]:
    """Give the times whose partitions the rows need."""
    return [time_of(row.request_log_id if isinstance(row, ErrorRow) else row.id) for row in rows]


def _latest(rows: Iterable[RequestRow | OutcomeRow | ErrorRow], kind: type[R]) -> list[R]:
    """One statement may not touch a row twice, and all writers take rows in one order, or they wait in a circle."""
    latest = {row.id: row for row in rows if isinstance(row, kind)}
    return [latest[row_id] for row_id in sorted(latest)]


def _parents(errors: Sequence[ErrorRow]) -> list[UUID]:
    return [row.request_log_id for row in errors]


def _touch_late_hours(cursor: Any, ids: Sequence[UUID]) -> None:
    # Whoever moves closed_until on waits for this transaction, so no hour is closed between the look and the commit.
    cursor.execute(_CLOSED_UNTIL)
    state = cursor.fetchone()
    if state and (late := [moment for moment in map(time_of, ids) if moment < state[0]]):
        cursor.execute(_LATE, [late, state[0]])


def _columns(rows: Sequence[R], values: Callable[[R], tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(values, rows), strict=True)]


def _request_values(row: RequestRow) -> tuple[Any, ...]:
    return (
        *(row.id, row.request_id, row.language_title, time_of(row.id), row.client_ip, row.user_id),
        *(row.request_headers, row.request_payload, row.response_payload, row.status_code, row.duration_ms),
        *(row.cached, row.error_details, row.runtime_metrics),
    )


def _outcome_values(row: OutcomeRow, owners: Mapping[str, str]) -> tuple[Any, ...]:
    return (
        *(row.id, row.request_id, row.language_title, time_of(row.id), owners.get(row.user_pk or "", "")),
        *(row.response_payload, row.status_code, row.duration_ms, row.error_details, row.runtime_metrics),
    )


def _error_values(row: ErrorRow, owners: Mapping[str, str]) -> tuple[Any, ...]:
    return (
        *(row.id, row.request_log_id, time_of(row.request_log_id), row.timestamp, owners.get(row.user_pk or "", "")),
        *(row.error_code, row.error_message, row.stack_trace, row.context),
    )
