"""Beginning an operation: its row, its audit entry and the job that works on it, all or none."""

from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from jobs.bulk.looking import COUNT_CAP, counted
from jobs.bulk.selecting import Selection
from jobs.bulk.wishes import Wish
from jobs.bulk.working import put_to_work
from jobs.models import BulkOperation, DeadLetter, Job
from jobs.models.audit import audit
from jobs.models.columns import ClockTimestamp
from jobs.models.statement_limit import StatementStopped, statement_limit

#: Whoever begins it waits for the count no longer than that; the worker counts the rest.
SECONDS_TO_COUNT: Final = 0.5
#: Ids that the audit log names.
NAMED: Final = 100


@transaction.atomic
def begin(wish: Wish, actor: Any, *, again: UUID | None = None) -> BulkOperation:
    """Begin an operation on what its selector finds now; what is made later is not its affair.

    It commits with the caller's writes, and a worker begins with it then. Raises InvalidOption.
    """
    checked = wish.checked()
    operation = BulkOperation(
        **asdict(checked),
        upper_bound=_newest(checked.target),
        user=actor,
        actor_name=str(actor) if actor else "system",
        again_id=again,
        created_at=ClockTimestamp(),
    )
    operation.save(force_insert=True)
    operation.refresh_from_db()
    operation.matched, operation.matched_capped = _matched(operation)
    operation.save(update_fields=["matched", "matched_capped"])
    audit(actor, "begin", operation, checked.reason, act=str(operation), **_told(checked), matched=operation.matched)
    put_to_work(operation)
    return operation


def _newest(target: str) -> UUID:
    model: Any = Job if target == "job" else DeadLetter
    newest: UUID | None = model.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest or UUID(int=0)


def _matched(operation: BulkOperation) -> tuple[int, bool]:
    try:
        with statement_limit(SECONDS_TO_COUNT):
            matched, capped, _ = counted(Selection.of(operation), COUNT_CAP, SECONDS_TO_COUNT)
    except StatementStopped:
        return 0, True
    return matched, capped


def _told(wish: Wish) -> dict[str, Any]:
    """Give what the audit log says of a wish; of many ids the first alone, since the operation has them all."""
    left_out = {"target", "action", "reason"}
    details = {name: value for name, value in asdict(wish).items() if name not in left_out and value not in (None, {})}
    ids = wish.selector.get("ids", [])
    if len(ids) > NAMED:
        details["selector"] = {"ids": ids[:NAMED], "and_more": len(ids) - NAMED}
    return details
