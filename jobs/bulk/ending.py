"""The end of an operation: by itself, or because somebody cancels it. What it has done stays done."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from jobs.exceptions import InvalidState
from jobs.models import BulkOperation
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp
from jobs.statuses import BULK_ENDED, BulkState


@transaction.atomic
def cancel(operation_id: UUID, actor: Any, reason: str = "") -> BulkOperation:
    """Stop an operation before its next chunk; a chunk that is at work is waited for. Raises InvalidState."""
    operation = locked(operation_id)
    if operation.state in BULK_ENDED:
        raise InvalidState("cancel", operation.state)
    before = operation.state
    operation.cancel_requested_at = Now()
    operation.save(update_fields=["cancel_requested_at"])
    end(operation, BulkState.CANCELLED, reason)
    tried = {"done": operation.done, "skipped": operation.skipped, "failed": operation.failed}
    audit(actor, "cancel", operation, reason, before=before, **tried)
    return locked(operation_id)


def end(operation: BulkOperation, state: BulkState, reason: str = "") -> None:
    """Write the end of an operation that the caller has locked."""
    operation.state, operation.state_reason = state, reason
    operation.ended_at = ClockTimestamp()
    operation.put_off = []
    operation.save(update_fields=["state", "state_reason", "ended_at", "put_off"])


def locked(operation_id: UUID) -> BulkOperation:
    """Lock an operation, which waits for the chunk that is at work; raises BulkOperation.DoesNotExist."""
    return BulkOperation.objects.select_for_update(of=("self",)).get(pk=operation_id)
