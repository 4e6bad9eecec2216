"""The first few of an operation: put to work, then watched until a person, or their success, lets the others follow."""

from datetime import timedelta
from typing import Any, Final

from jobs.bulk.acts import ACTS
from jobs.bulk.following import Fate, fate_of
from jobs.models import BulkChunk
from jobs.statuses import BulkState

#: How often the jobs of a canary are looked at.
LOOK_SECONDS: Final = 2.0


def is_canary(operation: Any) -> bool:
    """Tell whether the rows whose turn it is are those of the canary."""
    return operation.canary is not None and operation.proceeded_at is None and operation.canary_at is None


def whole_canary(operation: Any) -> bool:
    """Pause an operation, which the caller has locked, once its canary is put to work; tells whether it did."""
    if not is_canary(operation) or operation.done < operation.canary:
        return False
    operation.canary_at = operation.now
    operation.state = BulkState.PAUSED
    operation.state_reason = f"The first {operation.done:,} are done. The others wait for your word."
    if operation.canary_proceeds:
        operation.state_reason = f"The first {operation.done:,} are being watched: it goes on if all of them succeed."
    operation.save(update_fields=["canary_at", "state", "state_reason"])
    return True


def watch(operation: Any) -> float | None:
    """Look after a paused operation, which the caller has locked: seconds until the next look, None if nobody need.

    Zero means that it goes on. Where nobody need look any more it has no job from then on: whoever lets it go on
    gives it another one.
    """
    if operation.canary_at is None or operation.proceeded_at is not None or not operation.canary_proceeds:
        return _let_go(operation, operation.state_reason)
    fate = canary_fate(operation)
    if fate.unfinished:
        if operation.now < operation.canary_at + timedelta(seconds=operation.canary_seconds):
            return LOOK_SECONDS
        return _let_go(operation, f"{fate.unfinished:,} of the canary have not ended in time. It waits for your word.")
    bad = fate.looked_at - fate.completed + operation.failed
    if bad:
        return _let_go(operation, f"{bad:,} of the canary did not succeed. The others wait for your word.")
    operation.state, operation.state_reason, operation.proceeded_at = BulkState.RUNNING, "", operation.now
    operation.save(update_fields=["state", "state_reason", "proceeded_at"])
    return 0.0


def canary_fate(operation: Any) -> Fate:
    """Give what became of the jobs of the canary by now."""
    if not ACTS[operation.target, operation.action].runs_jobs:
        return Fate()
    chunks = BulkChunk.objects.filter(operation=operation, is_canary=True).order_by("id")
    return fate_of([job_id for jobs in chunks.values_list("jobs", flat=True)[:1_000] for job_id in jobs])


def _let_go(operation: Any, why: str) -> float | None:
    operation.job, operation.state_reason = None, why
    operation.save(update_fields=["job", "state_reason"])
    return None
