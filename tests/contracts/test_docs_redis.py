"""The Redis that docs/redis.md sets up has all the rights that Ekiden needs, and no others."""

import queue
from pathlib import Path
from uuid import UUID

import pytest
import redis
from django.core.cache import caches
from django.test import override_settings

from accounts import rate_limits
from accounts.models import RateLimitWindow
from config import caches as described
from jobs import status_cache
from jobs.cache_backend import cache_figures
from jobs.redis_channel import Subscriber, publish
from tests.markdown import blocks
from tests.redis_server import RedisServer, forget, linked

PAGE = "docs/redis.md"
JOB = UUID(int=1)


def block(language: str) -> str:
    (found,) = [each.text for each in blocks(PAGE) if each.language == language]
    return found


@pytest.mark.django_db
def test_the_configuration_and_the_example_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "redis.conf"
    file.write_text(block("conf"))
    server = RedisServer(tmp_path, config=file, login="ekiden:PASSWORD@")
    server.start()
    try:
        with linked(server.url) as link, override_settings(CACHES={"default": described.default(server.url)}):
            told: queue.Queue[str] = queue.Queue()
            subscriber = Subscriber(link, told.put, lambda: told.put("listening"))
            subscriber.start()
            assert told.get(timeout=20) == "listening"
            assert publish(["a:5", "b:5"]) == []
            assert [told.get(timeout=20) for _ in range(2)] == ["a:5", "b:5"]
            subscriber.stop()
            subscriber.join(10)
            assert rate_limits.spend("k", 1).accepted and not RateLimitWindow.objects.exists()
            lease = status_cache.look(JOB).lease
            assert lease
            status_cache.keep(lease, status_cache.Answer(None, 1, b"{}"))
            assert status_cache.look(JOB).answer
            caches["default"].set("result:x", [1], 60)
            assert caches["default"].get("result:x") == [1]
            assert cache_figures()[1] > 0
            exec(block("python"), {})
            assert capsys.readouterr().out.split() == ["True", "0", "0", "{}"]
            with pytest.raises(redis.exceptions.NoPermissionError):
                link.client().set("of somebody else", 1)
            with pytest.raises(redis.exceptions.NoPermissionError):
                link.client().config_get("maxmemory")
    finally:
        server.stop()
        forget(server.url)
