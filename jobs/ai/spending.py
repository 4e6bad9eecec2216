"""What users may spend at providers in a day, and what they have spent."""

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connections, router, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from jobs import conf
from jobs.ai.failures import Outcome, Skipped
from jobs.models import DailySpend, ProviderCall, ProviderDay
from jobs.models.columns import ClockTimestamp

# Adds to a user's day unless that would be more than they may; the ORM has no upsert with a condition. Whoever comes at
# the same time waits for the row, and sees what this one has added.
_RESERVE: Final = """
INSERT INTO ai_daily_spend AS s (day, user_id, amount)
SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date, %(user)s, %(amount)s
WHERE %(most)s::numeric IS NULL OR %(amount)s <= %(most)s
ON CONFLICT (day, user_id) DO UPDATE SET amount = s.amount + excluded.amount
WHERE %(most)s::numeric IS NULL OR s.amount + excluded.amount <= %(most)s
RETURNING day
"""
_UNTIL_TOMORROW: Final = """
SELECT extract(epoch FROM date_trunc('day', t) + interval '1 day' - t)
FROM (VALUES (clock_timestamp() AT TIME ZONE 'UTC')) AS now (t)
"""
#: Seconds after which a job that waits for tomorrow looks again: the limit may have been raised.
_LOOK_AGAIN: Final = 3600.0
_AT_ONCE: Final = 500


def reserve(user_id: Any, amount: Decimal) -> date:
    """Put so many dollars aside in the user's day, in the caller's transaction; raises Skipped when it is over."""
    most = conf.ai_daily_spend_limit() or None
    with connections[router.db_for_write(DailySpend)].cursor() as cursor:
        cursor.execute(_RESERVE, {"user": user_id, "amount": amount, "most": most})
        row = cursor.fetchone()
        if row is not None:
            day: date = row[0]
            return day
        cursor.execute(_UNTIL_TOMORROW)
        (seconds,) = cursor.fetchone()
    message = "The user has spent what may be spent at providers in a day."
    raise Skipped("spend_limit", message, retry_after=min(float(seconds) + 1, _LOOK_AGAIN))


def settle(call_id: UUID, **fields: Any) -> None:
    """Write down what a call took, and put back what it did not need; in the caller's transaction.

    A call that was taken for lost in the meantime stays so: what it had put aside is spent.
    """
    found = ProviderCall.objects.filter(pk=call_id, outcome=Outcome.RUNNING).select_for_update().first()
    if found is not None:
        _settle(found, **fields)


def settle_lost() -> int:
    """Settle the calls of processes that are gone, at the most that they can have cost; gives how many."""
    lost = ProviderCall.objects.filter(outcome=Outcome.RUNNING, expires_at__lt=ClockTimestamp())
    return sum(map(_settle_lost, list(lost.order_by("expires_at")[:_AT_ONCE])))


def _settle_lost(lost: ProviderCall) -> int:
    # One by one: whoever settles the rows of several users in one transaction can meet another in a circle.
    with transaction.atomic():
        still = ProviderCall.objects.filter(pk=lost.pk, outcome=Outcome.RUNNING)
        row = still.select_for_update(skip_locked=True).first()
        if row is None:
            return 0
        _settle(row, outcome=Outcome.LOST, error_code="lost", cost=row.reserved)
    return 1


def _settle(row: ProviderCall, **fields: Any) -> None:
    ProviderCall.objects.filter(pk=row.pk).update(**fields)
    DailySpend.objects.filter(day=row.day, user=row.user_id).update(
        amount=Greatest(F("amount") - row.reserved + fields["cost"], Decimal(0))
    )
    counted = {name: fields[name] for name in ("input_tokens", "output_tokens", "cost", "seconds") if name in fields}
    ProviderDay.objects.count_call(row.provider, fields["outcome"], **counted)
