"""The lane that a new job is claimed from: the open one, one of its key, or one of its owner in a fair queue."""

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from jobs.models import Queue

#: For so long a process may not notice that a queue has become fair, or is fair no more. Both kinds of lanes are
#: claimed alike, so until then new jobs only take their turns as before.
FRESH_SECONDS: Final = 3.0

_lock = threading.Lock()
_fair: frozenset[str] = frozenset()
_fresh_until = 0.0


def give_lanes(rows: Iterable[dict[str, Any]], using: str) -> None:
    """Add the lane_key to rows of new jobs that do not belong into the open lane."""
    fair = fair_queues(using)
    for row in rows:
        key = row.get("concurrency_key")
        if row["queue"] in fair:
            owner = f"u:{row.get('user_id') or '-'}"
            row["lane_key"] = f"{owner}/k:{key}" if key else owner
        elif key:
            row["lane_key"] = f"k:{key}"


def fair_queues(using: str) -> frozenset[str]:
    """Give the names of the queues whose users take turns, as they were a moment ago."""
    global _fair, _fresh_until
    if time.monotonic() >= _fresh_until:
        with _lock:
            if time.monotonic() >= _fresh_until:
                _fair = frozenset(Queue.objects.using(using).filter(fair=True).values_list("name", flat=True))
                _fresh_until = time.monotonic() + FRESH_SECONDS
    return _fair


def forget() -> None:
    """Ask again at the next job."""
    global _fresh_until
    _fresh_until = 0.0
