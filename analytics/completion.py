"""Completing the rows of requests whose work goes on after the answer: told by workers as it ends."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from analytics.endings import Ending
from analytics.recorder import recorder
from jobs.observers import Ended
from jobs.outcomes import Usage


def note_endings(ended: Sequence[Ended]) -> None:
    """Have the log told of recorded outcomes; an observer of the queue, so it is quick and never raises."""
    at = datetime.now(UTC)
    for each in ended:
        attempt = each.attempt
        if attempt.usage is None and attempt.started_at is not None:
            # It was ended from outside, and is perhaps still running.
            attempt.usage = Usage(time.monotonic() - attempt.started_at)
    recorder.add([Ending(each, at) for each in ended])
