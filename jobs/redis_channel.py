"""Announcements by Redis: they cost the database nothing, and are heard behind a transaction pooler as well.

Who announces is told how many heard it. Nobody did: then the database says it. Workers listen to both.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from accounts.redis_link import RedisAway, RedisLink, connect, redis_link

if TYPE_CHECKING:
    from redis.client import PubSub

#: A subscription whose server has gone is silent like a quiet queue: ask now and then whether anyone is there.
ASK_EVERY: Final = 5.0
#: What is asked, and not answered by then, is asked of a new connection.
ANSWER_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.5
LONGEST_PAUSE: Final = 10.0

_logger = logging.getLogger(__name__)


def publish(messages: Sequence[str]) -> list[str]:
    """Tell everybody who listens; gives the messages that nobody heard."""
    link = redis_link()
    if link is None:
        return list(messages)
    try:
        heard = link.ask("wake-ups", lambda client: _publish(client, channel(link), messages))
    except RedisAway:
        return list(messages)
    return [message for message, receivers in zip(messages, heard, strict=True) if not receivers]


def channel(link: RedisLink) -> str:
    return f"{link.prefix}:jobs"


def _publish(client: Any, name: str, messages: Sequence[str]) -> list[int]:
    if len(messages) == 1:
        return [client.publish(name, messages[0])]
    with client.pipeline(transaction=False) as pipeline:
        for message in messages:
            pipeline.publish(name, message)
        return list(pipeline.execute())


class Subscriber(threading.Thread):
    """Passes each announcement on; reports a gap whenever it begins to listen, at first and after every loss."""

    def __init__(self, link: RedisLink, heard: Callable[[str], None], gap: Callable[[], None]) -> None:
        super().__init__(name="redis-listener", daemon=True)
        self._link = link
        self._heard = heard
        self._gap = gap
        self._stopping = threading.Event()
        self.listening = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        import redis

        failures = 0
        while not self._stopping.is_set():
            try:
                with connect(self._link.url, ANSWER_SECONDS, max_connections=1) as client, client.pubsub() as pubsub:
                    pubsub.subscribe(channel(self._link))
                    failures = self._follow(pubsub)
            except (redis.RedisError, OSError) as error:
                was_listening = self.listening.is_set()
                self.listening.clear()
                failures = 1 if was_listening else failures + 1
                wait = min(LONGEST_PAUSE, 0.1 * 2**failures) * random.uniform(0.5, 1)  # noqa: S311 - jitter
                if failures == 1:
                    _logger.warning("Redis tells us nothing (%s); the database does until it is back", error)
                self._stopping.wait(wait)
        self.listening.clear()

    def _follow(self, pubsub: "PubSub") -> int:
        import redis

        # The subscription itself is what is to be answered first.
        asked, answered = time.monotonic(), False
        while not self._stopping.is_set():
            message = pubsub.get_message(timeout=LOOK_SECONDS)
            now = time.monotonic()
            if message is None:
                if not answered and now - asked > ANSWER_SECONDS:
                    raise redis.TimeoutError(f"no answer in {ANSWER_SECONDS:.0f} s")
                if now - asked > ASK_EVERY:
                    pubsub.ping()
                    asked, answered = now, False
                continue
            # Whatever came, somebody is there.
            answered = True
            self._take(message)
        return 0

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            # Also when the library has connected again by itself.
            self._begun()
        elif message["type"] == "message":
            self._heard(message["data"].decode(errors="replace"))

    def _begun(self) -> None:
        if self.listening.is_set():
            _logger.info("listening to Redis again")
        self.listening.set()
        self._gap()
