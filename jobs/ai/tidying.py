"""What is left of calls to providers: the lost ones are settled, and the old ones go."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from accounts.uuid7 import first_uuid7
from jobs import conf
from jobs.ai.spending import settle_lost
from jobs.models import DailySpend, ProviderCall

CHORE: Final = "providers"
#: Seconds between two runs.
INTERVAL: Final = 60.0

_AT_ONCE: Final = 1_000


def tidy() -> int:
    """Settle and delete what is due; gives how many calls were lost."""
    lost = settle_lost()
    days = conf.ai_call_retention_days()
    if days:
        _delete(timedelta(days=days))
    return lost


def _delete(older: timedelta) -> None:
    before = timezone.now() - older
    while True:
        old = ProviderCall.objects.filter(pk__lt=first_uuid7(before)).exclude(outcome=ProviderCall.Outcome.RUNNING)
        ids = list(old.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])
        ProviderCall.objects.filter(pk__in=ids).delete()
        if len(ids) < _AT_ONCE:
            break
    DailySpend.objects.filter(day__lt=before.date()).delete()
