"""Django's cache in Redis, which may go at any time.

Values are JSON, never pickles: whoever can write to the cache must not be able to run code in those who read it.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache as DjangoRedisCache
from django.core.cache.backends.redis import RedisCacheClient
from django.utils.functional import cached_property

from accounts.redis_link import RedisAway, RedisLink, link_to

#: What the link counts it as when Redis is away.
PURPOSE: Final = "cache"

_T = TypeVar("_T")


class RedisCache(DjangoRedisCache):
    """While Redis is away nothing is found and nothing is kept, and nothing fails."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.link = link_to(server)

    @cached_property
    def _cache(self) -> RedisCacheClient:
        return _LinkedClient(self.link)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        # What could not be written was not added: whoever takes that for a lock does not get it.
        return self._or_else(False, lambda: super(RedisCache, self).add(key, value, timeout, version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._or_else(default, lambda: super(RedisCache, self).get(key, default, version))

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._or_else(None, lambda: super(RedisCache, self).set(key, value, timeout, version))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._or_else(False, lambda: super(RedisCache, self).touch(key, timeout, version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._or_else(False, lambda: super(RedisCache, self).delete(key, version))

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        return self._or_else({}, lambda: super(RedisCache, self).get_many(keys, version))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return self._or_else(False, lambda: super(RedisCache, self).has_key(key, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return self.link.ask(PURPOSE, lambda _: super(RedisCache, self).incr(key, delta, version))
        except RedisAway as error:
            # As for a key that is not there, which callers reckon with.
            raise ValueError(str(error)) from error

    def set_many(self, data: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[Any]:
        return self._or_else(list(data), lambda: super(RedisCache, self).set_many(data, timeout, version))

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        self._or_else(None, lambda: super(RedisCache, self).delete_many(keys, version))

    def clear(self) -> None:
        self._or_else(None, super().clear)

    def _or_else(self, without: _T, act: Callable[[], _T]) -> _T:
        try:
            return self.link.ask(PURPOSE, lambda _: act())
        except RedisAway:
            return without


class _LinkedClient(RedisCacheClient):
    """Django's commands over this process's one link."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._serializer = JsonSerializer()

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self._link.client()


class JsonSerializer:
    """What Redis keeps; plain numbers stay such that it can count with them."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
