"""Django's cache in a table, for installations without Redis, and what either of them says of itself.

Values are JSON, never pickles: whoever can write to the cache must not be able to run code in those who read it.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router

from jobs.models import CacheCounter, CachedValue
from jobs.redis_cache import PURPOSE, RedisCache

#: The table is culled once in so many writes of a process.
CULL_EVERY: Final = 64

_CULL: Final = (Path(__file__).parent / "sql" / "queries" / "cull_cached_values.sql").read_text(encoding="utf-8")
_GET: Final = "SELECT cache_key, value FROM cached_values WHERE cache_key = ANY(%s) AND expires > clock_timestamp()"
# With `add` only what has expired may be replaced.
_SET: Final = """
INSERT INTO cached_values AS v (cache_key, value, expires) VALUES (%s, %s, %s)
ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires
WHERE %s OR v.expires <= clock_timestamp()
"""
_TOUCH: Final = "UPDATE cached_values SET expires = %s WHERE cache_key = %s AND expires > clock_timestamp()"
_SIZE: Final = "SELECT pg_total_relation_size('cached_values')"

_writes: Final = count(1)


class TableCache(DatabaseCache):
    """The table `cached_values`: one statement for each act, bounded in entries and in bytes, evictions counted.

    Django's own asks for the number of rows at every write, and counts nothing.
    """

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(table, params)
        options = params.get("OPTIONS", {})
        self._most_bytes = int(options.get("MAX_BYTES", 256 << 20))
        # It stands in the place of Django's own model: the routers decide by it where the table is.
        self.cache_model_class = CachedValue

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        if not names:
            return {}
        with connections[router.db_for_read(CachedValue)].cursor() as cursor:
            cursor.execute(_GET, [list(names)])
            return {names[key]: json.loads(value) for key, value in cursor.fetchall()}

    def evictions(self) -> int:
        """Tell how many values have had to make room for others, since ever."""
        return CacheCounter.objects.filter(name="evictions").values_list("count", flat=True).first() or 0

    def megabytes(self) -> float:
        """Tell how much of the database the table takes, with its index and what is not vacuumed yet."""
        with connections[router.db_for_read(CachedValue)].cursor() as cursor:
            cursor.execute(_SIZE)
            return float(cursor.fetchone()[0]) / 1e6

    def cull(self) -> None:
        """Forget what has expired, and as much more as there is no room for."""
        room = {"most_entries": self._max_entries, "most_bytes": self._most_bytes}
        with connections[router.db_for_write(CachedValue)].cursor() as cursor:
            cursor.execute(_CULL, room)

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> bool:
        expires = _moment(self.get_backend_timeout(timeout))
        with connections[router.db_for_write(CachedValue)].cursor() as cursor:
            if mode == "touch":
                cursor.execute(_TOUCH, [expires, key])
            else:
                text = json.dumps(value, separators=(",", ":"))
                cursor.execute(_SET, [key, text, expires, mode == "set"])
            written = bool(cursor.rowcount)
        if next(_writes) % CULL_EVERY == 0:
            self.cull()
        return written


def cache_figures() -> tuple[int, float]:
    """Give how many values were evicted since ever (or since Redis started), and the megabytes that are taken.

    Raises RedisAway.
    """
    cache = caches["default"]
    if isinstance(cache, RedisCache):
        info: dict[str, Any] = cache.link.ask(PURPOSE, lambda redis: redis.info())
        return int(info["evicted_keys"]), float(info["used_memory"]) / 1e6
    if isinstance(cache, TableCache):
        return cache.evictions(), cache.megabytes()
    return 0, 0.0


def _moment(timestamp: float | None) -> datetime:
    return datetime.max.replace(tzinfo=UTC) if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
