"""Taking a slot, the right to send the changed jobs of one share, and proving that it is still ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import F

from jobs.models import SearchSlot
from jobs.models.columns import ClockTimestamp
from jobs.models.search_slot import SLOTS
from jobs.search.sync.state import targets

#: Longer than one request may take: whoever sends says before each that it is still there.
HELD_SECONDS: Final = 40.0

_QUERIES: Final = files("jobs") / "sql" / "queries"
_TAKE: Final = (_QUERIES / "take_search_slot.sql").read_text()
_WITH_WORK: Final = (_QUERIES / "search_slots_with_work.sql").read_text()


@dataclass(frozen=True, slots=True)
class Held:
    """A slot that this process has, and the indexes that its jobs are sent to."""

    number: int
    token: int
    targets: tuple[str, ...]


class SlotOf(models.Func):
    """The slot that a job's id belongs to; the database index job_search_dirty begins with it."""

    template = f"(get_byte(uuid_send(%(expressions)s), 15) & {SLOTS - 1})"
    output_field = models.IntegerField()


def slot_of(job_id: UUID) -> int:
    return job_id.bytes[15] & (SLOTS - 1)


def with_work(settle: float) -> list[int]:
    """Number the free slots that have something to send, changes among it that are so many seconds old."""
    with connection.cursor() as cursor:
        cursor.execute(_WITH_WORK, {"settle": settle})
        return [number for (number,) in cursor.fetchall()]


def anybody_has_one() -> bool:
    """Tell whether a process is sending at this moment."""
    return SearchSlot.objects.filter(held_until__gt=ClockTimestamp()).exists()


def take(numbers: Sequence[int], holder: str) -> Held | None:
    """Take a free one of these slots; None when others were quicker.

    The indexes are read once the slot is locked: whoever changes them raises the token first or waits for us.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE, {"numbers": list(numbers), "seconds": HELD_SECONDS, "holder": holder})
        row = cursor.fetchone()
        return Held(row[0], row[1], targets()) if row else None


def keep(held: Held) -> bool:
    """Have the slot for another while; False when it is not ours any more."""
    return bool(_held(held).update(held_until=ClockTimestamp() + timedelta(seconds=HELD_SECONDS)))


def let_go(held: Held) -> bool:
    """Free the slot, which until the end of the caller's transaction nobody can take; False when it was not ours."""
    return bool(_held(held).update(held_until=None, holder=""))


def raise_tokens() -> None:
    """Fence off whoever sends at this moment: what is on its way is not marked and will be sent again.

    To be called in the transaction that changes the indexes which are written, before it does.
    """
    # Locked in their order: two who do this at once may not wait for each other.
    numbers = list(SearchSlot.objects.order_by("number").select_for_update().values_list("number", flat=True))
    SearchSlot.objects.filter(number__in=numbers).update(token=F("token") + 1, held_until=None, holder="")


def _held(held: Held) -> Any:
    return SearchSlot.objects.filter(number=held.number, token=held.token)
