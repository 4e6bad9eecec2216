"""How many jobs to have in hand beside the running ones."""

import time
from typing import Final

#: Work for so long is fetched ahead, at the pace of the last moments.
AHEAD_SECONDS: Final = 0.25
#: The pace is measured over spans of this length: shorter ones measure how threads take turns.
SPAN_SECONDS: Final = 0.1


class Pace:
    """Fetches ahead only what starts at once: nothing for jobs of minutes, a full batch for jobs of microseconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._spans = (0.0, 0.0)
        self._seen = 0
        self._at = time.monotonic()

    def ahead(self, settled: int) -> int:
        """Give the number of jobs to hold ready, `settled` jobs having ended since the start."""
        span = time.monotonic() - self._at
        latest = (settled - self._seen) / max(span, 0.005)
        rate = max(latest, *self._spans)
        if span >= SPAN_SECONDS:
            self._spans = (self._spans[1], latest)
            self._seen, self._at = settled, self._at + span
        return min(self._most, int(rate * AHEAD_SECONDS))
