"""What people do to one worker: drain it, keep it quiet, let it work on. It hears of it with its next heartbeat."""

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from jobs.exceptions import InvalidState
from jobs.models import Worker
from jobs.models.audit import audit

Wish = Worker.Wish


def drain(worker_id: str, actor: Any, reason: str = "") -> Worker:
    """Have a worker claim nothing more, finish what runs however long it takes, and end with exit code 0.

    Whoever started it decides whether another one takes its place. It cannot be taken back. Raises InvalidState for a
    worker that nobody hears of.
    """
    return _ask(worker_id, actor, "drain", Wish.DRAIN, reason)


def quiet(worker_id: str, actor: Any, reason: str = "") -> Worker:
    """Have a worker claim nothing until it is told to work on; what runs goes on. Raises InvalidState."""
    return _ask(worker_id, actor, "quiet", Wish.QUIET, reason)


def wake(worker_id: str, actor: Any, reason: str = "") -> Worker:
    """Have a quiet worker claim again. Raises InvalidState."""
    return _ask(worker_id, actor, "wake", Wish.NOTHING, reason)


@transaction.atomic
def _ask(worker_id: str, actor: Any, action: str, wish: Worker.Wish, reason: str) -> Worker:
    Worker.objects.select_for_update().get(pk=worker_id)
    worker = Worker.objects.with_condition().get(pk=worker_id)
    if worker.wish == wish:
        return worker
    if worker.condition not in {Worker.Condition.ALIVE, Worker.Condition.QUIET}:
        raise InvalidState(action, worker.condition, _why_not(action, worker.condition))
    by = str(actor) if actor else "system"
    Worker.objects.filter(pk=worker_id).update(wish=wish, wished_at=Now(), wished_by=by)
    audit(actor, action, worker, reason)
    return Worker.objects.with_condition().get(pk=worker_id)


def _why_not(action: str, condition: str) -> str:
    if condition == Worker.Condition.DRAINING:
        return f"Cannot {action} it: it is draining, and ends when what it runs has ended."
    if condition == Worker.Condition.SILENT:
        return f"Cannot {action} it: it has not been heard of for several heartbeats, so it would not hear of this."
    return f"Cannot {action} it: it has stopped."
