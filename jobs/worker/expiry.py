"""Cancelling what has not started in time, also in queues that no worker claims from, and forgetting old windows."""

from typing import Final

from django.db import connection

AT_ONCE: Final = 1_000
#: Batches in one round: a backlog of millions must not keep the leader from its other work.
MOST_BATCHES: Final = 10

_CANCEL: Final = "SELECT cancel_expired_jobs(%s)"
# Without starts for twice its time a window is empty, and the next start makes it anew.
_FORGET: Final = """
DELETE FROM job_rate_windows WHERE (key, seconds) IN (
    SELECT key, seconds FROM job_rate_windows
    WHERE touched_at < clock_timestamp() - make_interval(secs => 60 + 2 * seconds)
    LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""


def cancel_expired() -> int:
    """Cancel jobs past their expires_at that never started, each batch in a transaction of its own; gives how many."""
    cancelled = 0
    for _ in range(MOST_BATCHES):
        with connection.cursor() as cursor:
            cursor.execute(_CANCEL, [AT_ONCE])
            (count,) = cursor.fetchone()
        cancelled += count
        if count < AT_ONCE:
            break
    return cancelled


def forget_rate_windows() -> None:
    """Delete a batch of rate limits' windows in which nothing has started for long."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
