"""Where results are kept that need not be computed twice: Redis if `REDIS_URL` names one, else a table."""

from typing import Any, Final

#: A Redis that hangs may not hold up requests: they go on as if nothing had been kept.
PATIENCE_SECONDS: Final = 1.0


def default(redis_url: str) -> dict[str, Any]:
    """Describe the cache, for Django's settings."""
    if not redis_url:
        return {
            "BACKEND": "jobs.cache_backend.TableCache",
            "LOCATION": "cached_values",
            "OPTIONS": {"MAX_ENTRIES": 10_000, "MAX_BYTES": 256 << 20},
        }
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url,
        "KEY_PREFIX": "ekiden",
        "OPTIONS": {
            "serializer": "jobs.cache_backend.JsonSerializer",
            "socket_timeout": PATIENCE_SECONDS,
            "socket_connect_timeout": PATIENCE_SECONDS,
        },
    }
