"""Requests to a speech server count like those to any provider: at most so many at once, and so much money a day."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import ROUND_UP, Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from jobs import conf
from jobs.ai import spending
from jobs.ai.failures import Outcome, Skipped
from jobs.ai.slots import slot
from jobs.exceptions import NonRetryableError, RateLimitError
from jobs.models import ProviderCall, ProviderDay
from jobs.models.columns import ClockTimestamp
from jobs.speech.exceptions import AudioTooLarge, UnusableAudio

#: Its name among the providers.
PROVIDER: Final = "speech"
_PURPOSE: Final = "podcast"
#: Seconds that a request waits for others to end.
_PATIENCE: Final = 30.0
#: After a request must have ended, before it is taken for lost.
_MARGIN: Final = timedelta(seconds=60)
_CENT_OF_A_CENT: Final = Decimal("0.00000001")


@contextmanager
def paid(user_id: Any, job_id: UUID, model: str, characters: int, within: float) -> Iterator[None]:
    """Have a request paid for and written down; raises Skipped, a RateLimitError, when it may not be made now.

    Call it outside of a transaction. The money is put aside before; what was refused costs nothing, and what broke off
    may have been charged for.
    """
    cost = (conf.speech_price() * characters / 1_000_000).quantize(_CENT_OF_A_CENT, rounding=ROUND_UP)
    try:
        with slot(within, _PATIENCE):
            call_id = _begin(user_id, job_id, model, cost, within)
            began = time.monotonic()
            try:
                yield
            except BaseException as error:
                outcome, charged = _outcome(error)
                _end(call_id, outcome, type(error).__name__, cost if charged else Decimal(0), began)
                raise
            _end(call_id, Outcome.ANSWERED, "", cost, began)
    except Skipped as skipped:
        ProviderDay.objects.count_call(PROVIDER, skipped.outcome)
        raise


def _begin(user_id: Any, job_id: UUID, model: str, cost: Decimal, within: float) -> UUID:
    with transaction.atomic(durable=True):
        day = spending.reserve(user_id, cost)
        made = ProviderCall.objects.create(
            provider=PROVIDER,
            model=model,
            purpose=_PURPOSE,
            user_id=user_id,
            job_id=job_id,
            reserved=cost,
            day=day,
            expires_at=ClockTimestamp() + timedelta(seconds=within) + _MARGIN,
        )
    return made.pk


def _end(call_id: UUID, outcome: Outcome, code: str, cost: Decimal, began: float) -> None:
    with transaction.atomic(durable=True):
        seconds = time.monotonic() - began
        spending.settle(call_id, outcome=outcome, error_code=code, cost=cost, seconds=seconds)


def _outcome(error: BaseException) -> tuple[Outcome, bool]:
    """Say what came of a request, and whether it may have been charged for."""
    if isinstance(error, RateLimitError):
        return Outcome.LIMITED, False
    if isinstance(error, UnusableAudio | AudioTooLarge):
        return Outcome.UNUSABLE, True
    if isinstance(error, NonRetryableError):
        return Outcome.REFUSED, False
    return Outcome.FAILED, True
