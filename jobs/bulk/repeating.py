"""Doing again what an operation failed to do."""

from typing import Any
from uuid import UUID

from django.db import transaction

from jobs.bulk.beginning import begin
from jobs.bulk.ending import locked
from jobs.bulk.wishes import Wish
from jobs.exceptions import InvalidState
from jobs.models import BulkOperation
from jobs.statuses import BULK_ENDED


@transaction.atomic
def again(operation_id: UUID, actor: Any, reason: str = "") -> BulkOperation:
    """Begin another operation on the rows that this one failed at, with its arguments and rate.

    Those that it left alone because of their state are not among them. Raises InvalidState while it has not ended, or
    when it failed at none.
    """
    first = locked(operation_id)
    if first.state not in BULK_ENDED:
        raise InvalidState("do again", first.state)
    if not first.failed:
        raise InvalidState("do again", first.state, "Cannot do it again: no row of it failed.")
    wish = Wish(
        first.target,
        first.action,
        {"failures_of": str(first.pk)},
        first.arguments,
        reason or first.reason,
        first.rate_per_second,
    )
    return begin(wish, actor, again=first.pk)
