"""Pausing an operation, and letting it go on: from a pause, from its canary, or when its job was lost."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from jobs.bulk.ending import locked
from jobs.bulk.working import is_at_work, put_to_work
from jobs.exceptions import InvalidState
from jobs.models import BulkOperation
from jobs.models.audit import audit
from jobs.statuses import BULK_ENDED, BulkState


@transaction.atomic
def pause(operation_id: UUID, actor: Any, reason: str = "") -> BulkOperation:
    """Keep an operation from beginning another chunk; raises InvalidState unless it waits or runs."""
    operation = locked(operation_id)
    if operation.state not in (BulkState.WAITING, BulkState.RUNNING):
        raise InvalidState("pause", operation.state)
    before = operation.state
    operation.state = BulkState.PAUSED
    operation.state_reason = f"{actor} paused it{f': {reason}' if reason else '.'}"
    operation.save(update_fields=["state", "state_reason"])
    audit(actor, "pause", operation, reason, before=before)
    return operation


@transaction.atomic
def proceed(operation_id: UUID, actor: Any, reason: str = "") -> BulkOperation:
    """Let an operation go on: one that is paused, or whose job was cancelled, deleted or given up.

    Whoever lets it go on has it act in their name from then on only in the audit log: its actor stays who began it.
    Raises InvalidState for one that has ended, or is at work.
    """
    operation = locked(operation_id)
    at_work = is_at_work(operation)
    if operation.state in BULK_ENDED or (operation.state != BulkState.PAUSED and at_work):
        raise InvalidState("proceed with", operation.state)
    before = operation.state
    if operation.canary_at is not None and operation.proceeded_at is None:
        operation.proceeded_at = Now()
    operation.state = BulkState.RUNNING if operation.started_at else BulkState.WAITING
    operation.state_reason = ""
    operation.save(update_fields=["proceeded_at", "state", "state_reason"])
    if not at_work:
        put_to_work(operation)
    audit(actor, "proceed", operation, reason, before=before)
    return locked(operation_id)
