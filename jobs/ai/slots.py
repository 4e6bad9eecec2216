"""At most so many requests to providers at the same time, in all processes together.

The slots are rows with a time to live. A process that dies leaves its slot taken until then; a session's advisory lock
would be gone at once, and would not work through a pooler.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from jobs import conf
from jobs.ai.failures import Skipped
from jobs.models import CallSlot
from jobs.models.columns import ClockTimestamp

#: Seconds between two looks for a free slot, at first and at the longest: many may wait.
_SOON, _LATE = 0.05, 1.0
#: After the calls must have ended; what writes their outcome may take as long.
_MARGIN: Final = timedelta(seconds=10)


@contextmanager
def slot(within: float, patience: float) -> Iterator[None]:
    """Hold a slot for a block that takes so many seconds at most; waits for one, or raises Skipped."""
    token = uuid4()
    number = _wait(token, timedelta(seconds=within) + _MARGIN, time.monotonic() + patience)
    try:
        yield
    finally:
        CallSlot.objects.filter(pk=number, token=token).update(token=None, taken_until=None)


def _wait(token: UUID, lease: timedelta, until: float) -> int:
    pause = _SOON
    while (number := _take(token, lease)) is None:
        left = until - time.monotonic()
        if left <= 0:
            raise Skipped("busy", "As many requests to providers are under way as there may be.", retry_after=5.0)
        # Not in step with the others who wait.
        time.sleep(min(left, random.uniform(pause / 2, pause)))  # noqa: S311 - no secret
        pause = min(pause * 1.5, _LATE)
    return number


def _take(token: UUID, lease: timedelta) -> int | None:
    most = conf.ai_max_concurrent_requests()
    with transaction.atomic(durable=True):
        number = _free(most)
        if number is None and CallSlot.objects.filter(pk__lte=most).count() < most:
            missing = [CallSlot(number=number) for number in range(1, most + 1)]
            CallSlot.objects.bulk_create(missing, ignore_conflicts=True)
            number = _free(most)
        if number is not None:
            CallSlot.objects.filter(pk=number).update(token=token, taken_until=ClockTimestamp() + lease)
        return number


def _free(most: int) -> int | None:
    free = CallSlot.objects.filter(Q(taken_until=None) | Q(taken_until__lt=ClockTimestamp()), pk__lte=most)
    locked = free.order_by("number").select_for_update(skip_locked=True)
    return locked.values_list("number", flat=True).first()
