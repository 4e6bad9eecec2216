from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import override_settings

from accounts.redis_link import RedisAway
from analytics import daily_metrics
from config import caches as described
from config import env
from config.exceptions import InvalidSetting
from jobs import cache_backend
from jobs.cache_backend import cache_figures
from jobs.models import CachedValue
from tests.redis_server import redis_server, running_redis

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["table", "redis"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Either cache, as the settings describe it."""
    if request.param == "table":
        yield caches["default"]
        return
    with redis_server(tmp_path) as url, override_settings(CACHES={"default": described.default(url)}):
        yield caches["default"]
        caches["default"].close()


def test_values_come_back_until_they_are_deleted(cache):
    values = {"a": [1, None, "ä"], "b": {"x": 1.5}, "c": None, "d": True, "e": 7}
    cache.set_many(values, 60)
    assert cache.get_many([*values, "nothing"]) == values
    assert cache.get_many([]) == {}
    cache.set("a", "other", 60)
    assert (cache.get("a"), cache.get("nothing", "default")) == ("other", "default")
    assert cache.delete("a") and not cache.delete("a")
    assert cache.get("a") is None and "b" in cache
    cache.clear()
    assert cache.get_many(values) == {}


def test_add_and_touch(cache):
    assert cache.add("a", 1, 60)
    assert not cache.add("a", 2, 60)
    assert cache.touch("a", 100) and not cache.touch("b", 100)
    assert cache.get("a") == 1


def test_numbers_can_be_counted(cache):
    cache.set("hits", 40, 60)
    assert (cache.incr("hits"), cache.incr("hits", 2), cache.get("hits")) == (41, 43, 43)


def test_a_value_without_an_end_stays(cache):
    cache.set("a", 1, None)
    assert cache.get("a") == 1


def test_what_is_no_json_is_refused(cache):
    with pytest.raises(TypeError):
        cache.set("a", {1, 2}, 60)


def test_figures_are_real(cache):
    evicted, before = cache_figures()
    assert evicted == 0 and before > 0
    # More than the room that earlier values may have left behind.
    for n in range(int(before) + 10):
        cache.set(f"large-{n}", token_hex(1_000_000), 60)
    assert cache_figures()[1] > before


def test_redis_tells_what_it_evicted(tmp_path):
    with redis_server(tmp_path, "--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru") as url:
        with override_settings(CACHES={"default": described.default(url)}):
            for n in range(100):
                caches["default"].set(f"large-{n}", "x" * 100_000, 60)
            evicted, megabytes = cache_figures()
            caches["default"].close()
    assert evicted > 50
    assert 0 < megabytes < 10


@pytest.mark.parametrize("fault", ["gone", "full"])
def test_a_redis_that_takes_nothing_fails_nobody(tmp_path, fault):
    with running_redis(tmp_path) as server, override_settings(CACHES={"default": described.default(server.url)}):
        cache = caches["default"]
        cache.set("a", 1, 60)
        if fault == "gone":
            server.kill()
        else:
            cache.link.client().config_set("maxmemory", 1)
        cache.set("b", 1, 60)
        assert cache.set_many({"c": 1, "d": 2}, 60) == ["c", "d"], "these are not there"
        assert cache.add("lock", 1, 60) is False
        with pytest.raises(ValueError):
            cache.incr("a")
        assert cache.get("b", "without") == "without"
        there = {} if fault == "gone" else {"a": 1}
        assert cache.get_many(["a", "b"]) == there
        assert cache.has_key("a") is cache.touch("a", 30) is bool(there)
        cache.delete_many(["a", "b"])
        assert cache.delete("b") is False
        assert cache.get("a") is None
        cache.clear()
        assert cache.link.state.up is (fault == "full")
        if fault == "gone":
            with pytest.raises(RedisAway):
                cache_figures()
            daily_metrics.read_cache()


def table(**options: int) -> Any:
    return cache_backend.TableCache("cached_values", {"OPTIONS": options})


def expire(*keys: str) -> None:
    CachedValue.objects.filter(cache_key__in=[f":1:{key}" for key in keys]).update(
        expires=datetime.now(UTC) - timedelta(seconds=1)
    )


def test_the_table_does_not_answer_with_what_has_expired():
    cache = table()
    cache.set("a", 1, 60)
    expire("a")
    assert cache.get("a") is None
    assert not cache.touch("a", 60)
    assert cache.add("a", 2, 60) and cache.get("a") == 2


def test_culling_takes_the_expired_and_then_those_that_end_soonest():
    cache = table(MAX_ENTRIES=3)
    for n in range(6):
        cache.set(str(n), n, 60 + n)
    expire("5")
    cache.cull()
    assert sorted(CachedValue.objects.values_list("value", flat=True)) == ["2", "3", "4"]
    # The expired one made room by itself.
    assert cache.evictions() == 2
    cache.set("6", 6, 600)
    cache.cull()
    assert (cache.get("2"), cache.get("6"), cache.evictions()) == (None, 6, 3)


def test_culling_bounds_the_bytes():
    cache = table(MAX_BYTES=50_000)
    # What could be compressed would take no room.
    for n in range(10):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO cached_values SELECT %s, (SELECT string_agg(md5(random()::text), '')"
                " FROM generate_series(1, 320)), now() + make_interval(mins => %s)",
                [str(n), n + 1],
            )
    cache.cull()
    left = list(CachedValue.objects.values_list("cache_key", flat=True))
    assert 2 <= len(left) <= 6 and "9" in left and "0" not in left
    assert cache_figures()[0] == 10 - len(left)


def test_writes_cull_now_and_then(monkeypatch):
    monkeypatch.setattr(cache_backend, "CULL_EVERY", 4)
    cache = table(MAX_ENTRIES=5)
    for n in range(40):
        cache.set(str(n), n, 60)
    assert CachedValue.objects.count() <= 5 + 4


def test_the_table_is_unlogged():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE oid = 'cached_values'::regclass")
        assert cursor.fetchone() == ("u",)


def test_the_setting_decides(tmp_path):
    assert described.default("")["BACKEND"] == "jobs.cache_backend.TableCache"
    assert described.default("redis://h:1/0")["LOCATION"] == "redis://h:1/0"
    for wrong in ("http://h:1", "h:6379", "redis://h:port/0"):
        with pytest.raises(InvalidSetting, match="REDIS_URL"):
            env.load({"EKIDEN_VAR_DIR": str(tmp_path), "REDIS_URL": wrong})
