"""How fast an operation goes, which may be changed while it runs."""

from typing import Any
from uuid import UUID

from django.db import transaction

from jobs.bulk.ending import locked
from jobs.bulk.wishes import check_rate
from jobs.exceptions import InvalidState
from jobs.models import BulkOperation
from jobs.models.audit import audit
from jobs.statuses import BULK_ENDED


@transaction.atomic
def change_rate(operation_id: UUID, actor: Any, rate: float | None, reason: str = "") -> BulkOperation:
    """Let it go at so many rows a second from its next chunk on; None is as fast as it goes.

    Raises InvalidOption for what is no rate, InvalidState when the operation has ended.
    """
    if rate is not None:
        check_rate(rate)
    operation = locked(operation_id)
    if operation.state in BULK_ENDED:
        raise InvalidState("change the rate of", operation.state)
    before = operation.rate_per_second
    operation.rate_per_second, operation.next_at = rate, None
    operation.save(update_fields=["rate_per_second", "next_at"])
    audit(actor, "change rate", operation, reason, before=before, after=rate)
    return operation
