from typing import Any, Final

from jobs.models import AuditEntry

SHOWN: Final = 100


def acts_on(*targets: Any) -> list[AuditEntry]:
    """Give what people did to these rows, newest first."""
    ids = [str(target) for target in targets]
    return list(AuditEntry.objects.filter(target_id__in=ids).order_by("-id")[:SHOWN])
