"""When a worker looks for jobs that wait for other jobs or an event and may go now."""

import time
from typing import Final

from jobs.announce import Lane
from jobs.releasing import release_waiting
from jobs.worker.waits import release_timed_out_waits

#: While outcomes stream in, at most one in so many seconds goes into releasing what waited for them.
SHARE: Final = 10
#: And never a longer rest: the last of many words may be the one that sets a job free.
LONGEST_REST: Final = 0.2


class Releases:
    """Looks at once when told that something may be free, else once in a poll interval; used by one thread."""

    def __init__(self, poll_interval: float) -> None:
        self._poll_interval = poll_interval
        self._due = 0.0
        self._rest_until = 0.0

    def told(self) -> None:
        """Look at the next claim, or as soon as the last look is paid off."""
        self._due = min(self._due, self._rest_until)

    def is_due(self) -> bool:
        return time.monotonic() >= self._due

    def idle_seconds(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def look(self) -> frozenset[Lane]:
        """Release what can go and give its lanes, of whatever queues."""
        began = time.monotonic()
        released, timed_out = release_waiting(), release_timed_out_waits()
        ended = time.monotonic()
        self._rest_until = ended + min((ended - began) * (SHARE - 1), LONGEST_REST)
        self._due = self._rest_until if released.more else ended + self._poll_interval
        return released.lanes.union(timed_out)
