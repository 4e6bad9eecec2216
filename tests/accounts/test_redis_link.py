"""Redis as one process sees it: lost once, left alone, and found again."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from accounts import redis_link
from accounts.redis_link import PATIENCE_SECONDS, RedisAway, RedisLink
from tests.acceptance.stage import ROOT, wait_until
from tests.redis_server import NOBODY, RedisServer, linked, running_redis

AT_ONCE = 16


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def link(server: RedisServer) -> Iterator[RedisLink]:
    with linked(server.url) as link:
        yield link


def ping(link: RedisLink) -> bool:
    return link.ask("test", lambda client: bool(client.ping()))


def seconds_without(link: RedisLink) -> float:
    began = time.monotonic()
    with pytest.raises(RedisAway):
        ping(link)
    return time.monotonic() - began


def test_a_redis_that_hangs_costs_one_patience_and_then_nothing(server, link, monkeypatch):
    # Nobody knocks before all have asked.
    monkeypatch.setattr(redis_link, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(redis_link, "LONGEST_PAUSE", 1.0)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(lambda _: ping(link), range(AT_ONCE)))
        server.freeze()
        # Those that are under way when it happens lose one patience each.
        assert max(pool.map(lambda _: seconds_without(link), range(AT_ONCE))) < 4 * PATIENCE_SECONDS
        assert max(pool.map(lambda _: seconds_without(link), range(100))) < PATIENCE_SECONDS / 2
    assert (link.state.up, link.state.losses) == (False, 1)
    assert link.state.fallbacks["test"] == AT_ONCE + 100
    server.thaw()
    wait_until(lambda: link.state.up)
    assert ping(link)


def test_it_comes_back_by_itself_after_a_restart(server, link, caplog):
    with caplog.at_level(logging.WARNING):
        assert ping(link)
        server.kill()
        for _ in range(5):
            seconds_without(link)
        server.start()
        wait_until(lambda: link.state.up)
        assert ping(link)
    assert [record.message.partition(",")[0].partition(" after")[0] for record in caplog.records] == [
        "Redis is away",
        "Redis is back",
    ]


def test_connections_that_a_restart_cut_are_made_anew_and_nobody_notices(server, link):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(lambda _: ping(link), range(AT_ONCE)))
        server.kill()
        server.start()
        assert all(pool.map(lambda _: ping(link), range(AT_ONCE)))
    assert link.state.losses == 0


def test_a_command_that_is_refused_is_its_own_failure(link, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(RedisAway, match="wrong number"):
                link.ask("test", lambda client: client.execute_command("GET"))
    assert ping(link)
    assert (link.state.up, link.state.refusals, link.state.fallbacks["test"]) == (True, 3, 3)
    assert len(caplog.records) == 1, "a full memory would fill the log as well"


def test_who_finds_no_connection_free_does_without(link):
    pool = link.client().connection_pool
    taken = [pool.get_connection() for _ in range(redis_link.MOST_CONNECTIONS)]
    assert seconds_without(link) < PATIENCE_SECONDS
    assert link.state.up
    for connection in taken:
        pool.release(connection)
    assert ping(link)


def test_a_wrong_password_is_as_good_as_no_redis(tmp_path):
    with running_redis(tmp_path) as server:
        with redis.Redis.from_url(server.url) as other:
            other.config_set("requirepass", "secret")
            with linked(server.url.replace("//", "//:wrong@")) as link:
                seconds_without(link)
                assert not link.state.up
            with linked(server.url.replace("//", "//:secret@")) as link:
                assert ping(link)
            other.config_set("requirepass", "")


def test_the_url_may_ask_for_more_patience(server):
    with linked(f"{server.url}?socket_timeout=7&socket_connect_timeout=8") as link:
        options = link.client().get_connection_kwargs()
        assert (options["socket_timeout"], options["socket_connect_timeout"]) == (7, 8)


def test_an_error_that_is_not_of_redis_goes_to_the_caller(link):
    with pytest.raises(ZeroDivisionError):
        link.ask("test", lambda client: 1 / 0)
    assert link.state.up


def test_nobody_there_at_all():
    with linked(NOBODY) as link:
        assert seconds_without(link) < PATIENCE_SECONDS
        assert not link.state.up


WITHOUT = """
import sys, django
django.setup()
import config.urls, jobs.api.lasting_urls, jobs.worker.loop, jobs.worker.supervisor
from django.core.cache import cache, caches
from jobs import announce, cache_backend, result_cache, status_cache
status_cache.block(["a"])
assert status_cache.look("a") == status_cache.Look() and announce.publish(["a:5"]) == ["a:5"]
print(sorted(name for name in sys.modules if name.partition(".")[0] == "redis"))
"""


@pytest.mark.slow
def test_without_a_url_nothing_of_redis_is_imported():
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}

    told = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={**os.environ, **environment, "REDIS_URL": ""},
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (told.stdout.strip(), told.returncode) == ("[]", 0), told.stderr
