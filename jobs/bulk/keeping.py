"""How long operations are kept after their end, with the rows that they could not act on."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from jobs import conf
from jobs.models import BulkChunk, BulkItem, BulkOperation
from jobs.statuses import BULK_ENDED

CHORE: Final = "bulk_operations"
INTERVAL: Final = 3_600.0
#: Operations in one run, and rows in one DELETE.
MOST: Final = 50
AT_ONCE: Final = 5_000


def tidy() -> int:
    """Delete operations that ended long ago, a few rows at a time; gives how many operations."""
    if not (days := conf.bulk_operation_retention_days()):
        return 0
    ended = BulkOperation.objects.filter(
        state__in=BULK_ENDED, ended_at__lt=timezone.now() - timedelta(days=days)
    ).order_by("id")
    old = list(ended.values_list("pk", flat=True)[:MOST])
    for operation in old:
        for model in (BulkItem, BulkChunk):
            _delete(model, operation)
        BulkOperation.objects.filter(pk=operation).delete()
    return len(old)


def _delete(model: Any, operation: Any) -> None:
    rows = model.objects.filter(operation_id=operation).order_by("id")
    while ids := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        model.objects.filter(pk__in=ids).delete()
