"""Rate limits in Redis decide as those in the database do, and go back to those when Redis is away."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import rate_limits
from accounts.models import RateLimitWindow
from accounts.redis_link import RedisLink
from tests.api_client import client_of
from tests.factories import UserFactory
from tests.redis_server import RedisServer, linked, running_redis

pytestmark = pytest.mark.django_db

ME = "/api/v1/me"
NOON = 1_800_000_000

# Found before the real one, because the function names it without a schema.
FAKE_CLOCK = """
CREATE SCHEMA fake;
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql
    AS $$ SELECT to_timestamp(current_setting('fake.now')::float8) $$;
SET LOCAL search_path = fake, pg_catalog, public, meta
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def link(server: RedisServer) -> Iterator[RedisLink]:
    with linked(server.url) as link:
        link.client().flushall()
        yield link


class Both:
    """The limiter in the database and the one in Redis, on one clock that stands still until it is moved."""

    def __init__(self, link: RedisLink, key: str) -> None:
        self.link, self.key, self.now = link, key, float(NOON)
        script = rate_limits._SPEND_IN_REDIS
        assert script.count("redis.call('TIME')") == 1
        self.script = script.replace("redis.call('TIME')", "{ARGV[3], ARGV[4]}")

    def spend(self, limit: int, burst: int) -> tuple[Any, Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('fake.now', %s, true)", [repr(self.now)])
        in_database = rate_limits._spend_in_database(self.key, limit, burst)
        seconds, micros = divmod(round(self.now * 1_000_000), 1_000_000)
        accepted, remaining, reset = self.link.run("test", self.script, [self.key], [limit, burst, seconds, micros])
        in_redis = (bool(accepted), remaining, float(reset))
        return in_database, in_redis


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 20),
    lowered=st.integers(1, 20),
    burst=st.integers(0, 10),
    steps=st.lists(st.tuples(st.floats(-5, 90).map(lambda n: round(n, 3)), st.integers(1, 12)), max_size=12),
)
def test_redis_decides_as_the_database_does(link, limit, lowered, burst, steps):
    RateLimitWindow.objects.all().delete()
    link.client().flushall()
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP SCHEMA IF EXISTS fake CASCADE; SET LOCAL search_path = public, meta, analytics;" + FAKE_CLOCK
        )
    both = Both(link, "k")
    for number, (seconds, times) in enumerate(steps):
        both.now += seconds
        for _ in range(times):
            in_database, in_redis = both.spend(limit if number < 6 else lowered, burst)
            assert in_redis[:2] == in_database[:2]
            assert in_redis[2] == pytest.approx(in_database[2], abs=1e-3)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = public, meta, analytics")


def test_many_at_once_are_held_to_the_limit_and_the_burst(link):
    with ThreadPoolExecutor(8) as pool:
        decisions = list(pool.map(lambda _: rate_limits.spend("hot", 100, 10).accepted, range(200)))
    assert sum(decisions) == 110
    assert RateLimitWindow.objects.count() == 0


def test_a_window_lives_as_long_as_it_says_something(link):
    rate_limits.spend("plain", 60)
    for _ in range(30):
        rate_limits.spend("owing", 10, 20)
    life = {key: link.client().ttl(f"{link.prefix}:rate:{key}") for key in ("plain", "owing")}
    assert 60 <= life["plain"] <= 63
    assert 150 <= life["owing"] <= 182, "thirty are owed, ten a minute are paid back"


def test_the_api_is_limited_by_redis_and_by_the_database_when_that_is_gone(server, link, settings):
    settings.RATE_LIMIT_BURST_SIZE = 0
    client = client_of(UserFactory(rate_limit_per_minute=3))
    assert [client.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert RateLimitWindow.objects.count() == 0
    server.kill()
    # Not open: another allowance, which begins full.
    assert [client.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert RateLimitWindow.objects.count() == 1
    assert link.state.losses == 1 and link.state.fallbacks["rate limits"] == 4
    server.start()


def test_without_redis_the_database_alone_is_asked():
    assert rate_limits.spend("k", 3).accepted
    assert RateLimitWindow.objects.count() == 1


def test_a_full_memory_is_the_failure_of_one_write(link):
    assert rate_limits.spend("k", 3).accepted
    # Whatever it holds is more than that.
    link.client().config_set("maxmemory", 1)
    assert rate_limits.spend("k", 3).remaining == 2, "the database begins with a full allowance"
    assert link.state.up and link.state.refusals == 1
    link.client().config_set("maxmemory", 0)
    assert rate_limits.spend("k", 3).remaining == 1
    assert RateLimitWindow.objects.count() == 1
