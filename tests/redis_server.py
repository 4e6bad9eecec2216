"""A real Redis on a free port, for tests; they are skipped where none is installed."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from django.test import override_settings

from accounts import redis_link
from accounts.redis_link import RedisLink, link_to

#: Nobody listens on port 1.
NOBODY = "redis://127.0.0.1:1/0"


class RedisServer:
    """A Redis that can be killed, frozen and started again, always on the same port."""

    def __init__(self, directory: Path, *options: str, config: Path | None = None, login: str = "") -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"redis://{login}127.0.0.1:{port}/0"
        own = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
        self._command = [program, *([str(config)] if config else []), *own, *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        _await(self.url)

    def client(self) -> redis.Redis:
        """Give a client of the test's own, which waits as long as it takes."""
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        """Take it away without a word, as a machine dies."""
        self._signal(signal.SIGKILL)
        self._ended()

    def freeze(self) -> None:
        """Have it say nothing more; its connections stay."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self.thaw()
            self._signal(signal.SIGTERM)
            self._ended()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait(10)
        self._process = None


@contextmanager
def redis_server(directory: Path, *options: str) -> Iterator[str]:
    """Run a Redis and give its URL."""
    with running_redis(directory, *options) as server:
        yield server.url


@contextmanager
def running_redis(directory: Path, *options: str) -> Iterator[RedisServer]:
    """Run a Redis that may be killed and frozen."""
    server = RedisServer(directory, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        forget(server.url)


@contextmanager
def linked(url: str) -> Iterator[RedisLink]:
    """Have this process use a Redis, as if REDIS_URL named it."""
    with override_settings(REDIS_URL=url):
        yield link_to(url)
    forget(url)


def forget(url: str) -> None:
    """Close this process's connections to a Redis."""
    if link := redis_link._links.pop(url, None):
        link.close()


def _await(url: str) -> None:
    deadline = time.monotonic() + 20
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
