"""What other threads tell the claimer, kept until it looks."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from jobs.announce import WINDOW_SECONDS, Freed, Lane
from jobs.worker.claiming import Claimer

#: An announcer stays silent for the rest of its window: look again when that is over.
AGAIN_SECONDS: Final = WINDOW_SECONDS + 0.01

Word = Callable[[Claimer], None]


class Inbox:
    """Written by the listener and the recorder, read by the claimer; `wake` is set for every word."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._words: deque[Word] = deque(maxlen=10_000)
        #: By what was announced: when to say what.
        self._again: dict[Lane | str, tuple[float, Word]] = {}
        self.on_cancel: Callable[[str], None] = lambda job_id: None

    def heard(self, message: str) -> None:
        """Take an announcement: `queue:priority`, with the job's age in ms at its commit, or `!job_id` to cancel."""
        if message.startswith("!"):
            self.on_cancel(message[1:])
            return
        if message.startswith("~"):
            self._heard_room(message[1:])
            return
        queue, _, rest = message.partition(":")
        priority, _, age = rest.partition(":")
        try:
            lane, seconds = (queue, int(priority)), float(age or 0) / 1000
        except ValueError:
            return  # someone else's words on our channel
        self._words.append(lambda claimer: claimer.announced(lane, seconds))
        self._again[lane] = time.monotonic() + AGAIN_SECONDS, lambda claimer: claimer.announced(lane)
        self._wake.set()

    def _heard_room(self, text: str) -> None:
        try:
            freed = [(str(queue), key) for queue, key in json.loads(text)] if text else None
        except (ValueError, TypeError):
            return  # someone else's words on our channel
        self.room_made(freed)
        self._again[text] = time.monotonic() + AGAIN_SECONDS, lambda claimer: claimer.room_made(freed)

    def room_made(self, freed: Collection[Freed] | None) -> None:
        """Have the claimer try what the limits of these queues and keys blocked; None is of any."""
        self._words.append(lambda claimer: claimer.room_made(freed))
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
        for announced in [announced for announced, (at, _) in self._again.items() if at <= now]:
            self._again.pop(announced)[1](claimer)

    def idle(self, seconds: float) -> float:
        """How long the claimer may wait, at most `seconds`."""
        if self._words:
            return 0.0
        again = min((at for at, _ in self._again.values()), default=None)
        return seconds if again is None else max(0.0, min(seconds, again - time.monotonic()))
