"""What other threads tell the claimer, kept until it looks."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from jobs.announce import WINDOW_SECONDS, Lane
from jobs.worker.claiming import Claimer

#: An announcer stays silent for the rest of its window: look again when that is over.
AGAIN_SECONDS: Final = WINDOW_SECONDS + 0.01


class Inbox:
    """Written by the listener and the recorder, read by the claimer; `wake` is set for every word."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._words: deque[Callable[[Claimer], None]] = deque(maxlen=10_000)
        self._again: dict[Lane, float] = {}
        self.on_cancel: Callable[[str], None] = lambda job_id: None

    def heard(self, message: str) -> None:
        """Take an announcement: `queue:priority`, with the job's age in ms at its commit, or `!job_id` to cancel."""
        if message.startswith("!"):
            self.on_cancel(message[1:])
            return
        queue, _, rest = message.partition(":")
        priority, _, age = rest.partition(":")
        try:
            lane, seconds = (queue, int(priority)), float(age or 0) / 1000
        except ValueError:
            return  # someone else's words on our channel
        self._words.append(lambda claimer: claimer.announced(lane, seconds))
        self._again[lane] = time.monotonic() + AGAIN_SECONDS
        self._wake.set()

    def look(self) -> None:
        """Have the claimer look at all lanes: announcements may have been missed."""
        self._words.append(Claimer.look_soon)
        self._wake.set()

    def release(self) -> None:
        """Have the claimer look for jobs that waited for others."""
        self._words.append(Claimer.release_soon)
        self._wake.set()

    def expect(self, delay: float) -> None:
        """Have the claimer look again when a job falls due in `delay` seconds."""
        self._words.append(lambda claimer: claimer.expect(delay))
        self._wake.set()

    def pass_on(self, claimer: Claimer) -> None:
        """Tell the claimer everything; called by its own thread."""
        while self._words:
            self._words.popleft()(claimer)
        now = time.monotonic()
        for lane in [lane for lane, at in self._again.items() if at <= now]:
            self._again.pop(lane)
            claimer.announced(lane)

    def idle(self, seconds: float) -> float:
        """How long the claimer may wait, at most `seconds`."""
        if self._words:
            return 0.0
        again = min(self._again.values(), default=None)
        return seconds if again is None else max(0.0, min(seconds, again - time.monotonic()))
