"""The work of an operation's job: rounds of chunks, which give the worker's slot back now and then."""

import logging
import threading
import time
from typing import Any, Final
from uuid import UUID

from django.db import OperationalError, transaction

from jobs.bulk.chunks import Chunks, Step
from jobs.bulk.looking import counted
from jobs.bulk.selecting import Selection
from jobs.context import Context
from jobs.exceptions import Snooze
from jobs.models import BulkOperation
from jobs.models.statement_limit import StatementStopped, statement_limit

#: A round lasts so long; then others that wait for a slot have their turn.
ROUND_SECONDS: Final = 10.0
BREAK_SECONDS: Final = 0.5
#: A wait for the pace that is longer than this is no reason to keep a slot, and none to be deaf for longer.
PATIENCE: Final = 1.0
LONGEST_NAP: Final = 15.0
#: A chunk that lost to others is begun anew so often.
_TRIES: Final = 5
#: What it may take to count what a filter finds.
SECONDS_TO_COUNT: Final = 20.0
MOST_COUNTED: Final = 20_000_000

_logger = logging.getLogger(__name__)


def work(context: Context, operation_id: UUID) -> dict[str, Any]:
    """Work off an operation until it ends or pauses; raises Snooze at the end of a round."""
    chunks, until = Chunks(operation_id, context.job.pk), time.monotonic() + ROUND_SECONDS
    _count(context, operation_id)
    while True:
        context.raise_if_cancelled()
        step = _next(context, chunks)
        if not step.goes_on:
            return _summary(operation_id)
        if step.percent:
            context.progress(step.percent)
        left = until - time.monotonic()
        if step.wait > PATIENCE or left <= 0:
            raise Snooze(max(BREAK_SECONDS, min(step.wait, LONGEST_NAP)))
        if step.wait:
            _nap(context, step.wait)


def _next(context: Context, chunks: Chunks) -> Step:
    for tries in range(_TRIES):
        try:
            return chunks.next(context.fenced())
        except OperationalError:
            # A deadlock with somebody, or the connection: nothing of the chunk was kept.
            if tries == _TRIES - 1:
                raise
            _logger.info("a chunk of the bulk operation %s is begun anew", chunks.operation_id, exc_info=True)
            _nap(context, 0.2 * 2**tries)
    raise AssertionError("unreachable")


def _nap(context: Context, seconds: float) -> None:
    threading.Event().wait(seconds)
    context.raise_if_cancelled()


def _count(context: Context, operation_id: UUID) -> None:
    """Count what is to be done, where whoever began it had no time for that."""
    operation = BulkOperation.objects.filter(pk=operation_id, matched_capped=True, started_at=None).first()
    if operation is None or operation.job != context.job.pk:
        return
    try:
        with statement_limit(SECONDS_TO_COUNT):
            matched, capped, _ = counted(Selection.of(operation), MOST_COUNTED, SECONDS_TO_COUNT)
    except StatementStopped:
        return
    with context.fenced():
        BulkOperation.objects.filter(pk=operation_id).update(matched=matched, matched_capped=capped)


def _summary(operation_id: UUID) -> dict[str, Any]:
    with transaction.atomic():
        operation = BulkOperation.objects.filter(pk=operation_id).first()
    if operation is None:
        return {"state": "gone"}
    counts = {name: getattr(operation, name) for name in ("done", "skipped", "failed")}
    return {"state": operation.state, **counts}
