"""Completing the rows of requests whose work goes on after the answer: told by workers as it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime

from analytics.endings import Ending
from analytics.recorder import recorder
from jobs.observers import Ended


def note_endings(ended: Sequence[Ended]) -> None:
    """Have the log told of recorded outcomes; an observer of the queue, so it is quick and never raises."""
    at = datetime.now(UTC)
    recorder.add([Ending(each, at) for each in ended])
