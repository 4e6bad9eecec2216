"""The one door to Redis, for installations whose REDIS_URL names one; without it nothing of Redis is even imported.

Nothing depends on Redis: whoever asks it for something has another way, and takes that when RedisAway is raised. So a
Redis that hangs costs each request under way one short patience, and those that come after it nothing: a thread of
this process knocks until Redis answers again, and nobody else does meanwhile.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.conf import settings

if TYPE_CHECKING:
    # 11 MB that a process without Redis does not pay for.
    import redis

T = TypeVar("T")

#: How long anything may take, seconds. In the same network Redis answers a thousand times as fast. An installation
#: with a longer way says so in its URL: `redis://host/0?socket_timeout=1&socket_connect_timeout=1`.
PATIENCE_SECONDS: Final = 0.25
#: Connections of one process. Who finds none free does without Redis instead of waiting.
MOST_CONNECTIONS: Final = 64
#: Between two knocks at a Redis that is away: growing, and never the same in two processes.
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
#: A full memory refuses every write: it is told of once in so many seconds.
REFUSALS_TOLD_EVERY: Final = 60.0
#: What our keys and channels begin with, so that rights can be given to them alone.
PREFIX: Final = "ekiden"

_logger = logging.getLogger(__name__)


class RedisAway(Exception):
    """Redis did not do it; do without."""


@dataclass(slots=True)
class RedisState:
    """What this process has seen of Redis, for metrics; the numbers only rise."""

    up: bool = True
    #: How often Redis was lost: unreachable, or silent for longer than the patience.
    losses: int = 0
    #: Commands that it answered with an error, such as writes while its memory is full.
    refusals: int = 0
    #: How often something went on without Redis, by what it was for.
    fallbacks: Counter[str] = field(default_factory=Counter)


class RedisLink:
    """One Redis as this process sees it; safe in any thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.state = RedisState()
        self._lock = threading.Lock()
        self._redis: redis.Redis | None = None
        self._scripts: dict[str, Any] = {}
        self._closed = threading.Event()
        self._knocking: threading.Thread | None = None
        self._refusals_told = -REFUSALS_TOLD_EVERY
        #: Two installations on one server have numbers of their own; channels know no numbers.
        self.prefix = f"{PREFIX}:{self.client().get_connection_kwargs().get('db', 0)}"

    def ask(self, purpose: str, act: Callable[["redis.Redis"], T]) -> T:
        """Have Redis do something, once; raises RedisAway when it does not, or is known to be away."""
        if not self.state.up:
            raise self._without(purpose, "it is away")
        import redis

        try:
            return act(self.client())
        except redis.exceptions.MaxConnectionsError as error:
            # It is we who have no connection left, so nothing is known of Redis.
            raise self._without(purpose, str(error)) from error
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._lose(error)
            raise self._without(purpose, str(error)) from error
        except redis.RedisError as error:
            self._refused(error)
            raise self._without(purpose, str(error)) from error

    def run(self, purpose: str, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Have Redis run a script in Lua; raises RedisAway like `ask`."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts.setdefault(script, self.client().register_script(script))
        return self.ask(purpose, lambda client: known(keys, arguments))

    def client(self) -> "redis.Redis":
        """Give the client itself; whoever uses it has to reckon with all that can go wrong."""
        if self._redis is None:
            with self._lock:
                self._redis = self._redis or connect(self.url)
        return self._redis

    def close(self) -> None:
        """Forget all connections and stop knocking."""
        self._closed.set()
        if self._knocking is not None:
            # It would open a connection behind us.
            self._knocking.join(4 * PATIENCE_SECONDS)
        if self._redis is not None:
            self._redis.close()

    def _without(self, purpose: str, why: str) -> RedisAway:
        with self._lock:
            self.state.fallbacks[purpose] += 1
        return RedisAway(f"{purpose} without Redis: {why}")

    def _lose(self, error: Exception) -> None:
        with self._lock:
            if not self.state.up:
                return
            self.state.up = False
            self.state.losses += 1
            self._knocking = threading.Thread(target=self._knock, name="ekiden-redis", daemon=True)
            try:
                self._knocking.start()
            except RuntimeError:
                # No thread to be had: then the next one who asks knocks.
                self.state.up, self._knocking = True, None
        _logger.warning("Redis is away, PostgreSQL does its work: %s", error)

    def _knock(self) -> None:
        """Wait until Redis answers again."""
        since, pause = time.monotonic(), FIRST_PAUSE
        while not self._closed.wait(pause * random.uniform(0.5, 1)):  # noqa: S311 - jitter
            if self._answers():
                self.state.up = True
                _logger.warning("Redis is back after %.1f s", time.monotonic() - since)
                return
            pause = min(LONGEST_PAUSE, pause * 2)

    def _answers(self) -> bool:
        import redis

        try:
            # Those of before lead to a server that may be gone.
            self.client().connection_pool.disconnect(inuse_connections=False)
            self.client().ping()
        except (redis.RedisError, OSError):
            return False
        return True

    def _refused(self, error: Exception) -> None:
        import redis

        with self._lock:
            self.state.refusals += 1
            due = time.monotonic() - self._refusals_told >= REFUSALS_TOLD_EVERY
            if due:
                self._refusals_told = time.monotonic()
        if due:
            _logger.warning("Redis refuses (%s refusals by now), PostgreSQL does it: %s", self.state.refusals, error)
        if isinstance(error, redis.ReadOnlyError):
            # After a failover the name leads to another server, but only for new connections.
            self.client().connection_pool.disconnect(inuse_connections=False)


_links: Final[dict[str, RedisLink]] = {}
_making: Final = threading.Lock()


def redis_link() -> RedisLink | None:
    """Give the Redis that the settings name; None where they name none."""
    url = str(getattr(settings, "REDIS_URL", ""))
    return link_to(url) if url else None


def link_to(url: str) -> RedisLink:
    """Give this process's one link to a Redis."""
    found = _links.get(url)
    if found is None:
        with _making:
            found = _links.get(url) or _links.setdefault(url, RedisLink(url))
    return found


def connect(url: str, patience: float = PATIENCE_SECONDS, **more: Any) -> "redis.Redis":
    """Make a client that gives up soon: by itself the library tries ten times, for five seconds each."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options = {
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        # Once more for a connection that was closed while nobody used it; never for silence.
        "retry": Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        "max_connections": MOST_CONNECTIONS,
        # Newer protocols begin with more round trips, and give us nothing.
        "protocol": 2,
    }
    return redis.Redis.from_url(url, **{**options, **more})
