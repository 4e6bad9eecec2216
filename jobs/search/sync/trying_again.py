from typing import Any
from uuid import UUID

from django.db import transaction

from jobs.models import SearchRejection
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp


@transaction.atomic
def try_again(job_id: UUID, actor: Any, reason: str = "") -> SearchRejection:
    """Have the next round of the sync send a document once more that the engine would not take.

    Raises SearchRejection.DoesNotExist when it has been taken meanwhile.
    """
    rejection = SearchRejection.objects.select_for_update().get(pk=job_id)
    SearchRejection.objects.filter(pk=job_id).update(retry_at=ClockTimestamp())
    audit(actor, "resend", rejection, reason)
    return rejection
