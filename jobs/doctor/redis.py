"""Redis, where there is one: nothing is lost without it, and everything is slower."""

from collections.abc import Iterator

from django.conf import settings

from jobs.doctor.findings import Finding, ok, warn

PATIENCE_SECONDS = 2.0


def look() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        yield ok("No REDIS_URL is set: PostgreSQL does it all.")
        return
    from redis import Redis, RedisError

    client = Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS, retry=None
    )
    try:
        client.ping()
        memory = client.info("memory")
    except RedisError as error:
        yield warn(f"Redis does not answer: {str(error).rstrip('.')}.", "redis-cli -u $REDIS_URL ping")
        return
    finally:
        client.close()
    most, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    if most and used > 0.95 * most and memory.get("maxmemory_policy") == "noeviction":
        what = f"Redis has {used / most:.0%} of its memory in use and evicts nothing."
        yield warn(what, "redis-cli CONFIG SET maxmemory-policy allkeys-lru")
        return
    yield ok(f"Redis answers and uses {used / 1e6:.1f} MB.")
