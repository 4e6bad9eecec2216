"""Where results are kept that need not be computed twice: Redis if `REDIS_URL` names one, else a table."""

from typing import Any


def default(redis_url: str) -> dict[str, Any]:
    """Describe the cache, for Django's settings."""
    if not redis_url:
        return {
            "BACKEND": "jobs.cache_backend.TableCache",
            "LOCATION": "cached_values",
            "OPTIONS": {"MAX_ENTRIES": 10_000, "MAX_BYTES": 256 << 20},
        }
    return {
        "BACKEND": "jobs.redis_cache.RedisCache",
        "LOCATION": redis_url,
        "KEY_PREFIX": "ekiden",
    }
