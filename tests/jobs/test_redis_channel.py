"""Announcements by Redis, and by the database whenever Redis has nobody to tell."""

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from accounts.redis_link import RedisLink
from jobs import announce as module
from jobs import redis_channel
from jobs.announce import CHANNEL, announce, announce_cancel, announce_room
from jobs.redis_channel import Subscriber
from jobs.worker.wakeup import Listener, listeners
from tests.acceptance.stage import wait_until
from tests.redis_server import RedisServer, linked, running_redis

pytestmark = pytest.mark.django_db(transaction=True)

GAP = "(gap)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def link(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisLink]:
    monkeypatch.setattr(module, "_last_sent", {})
    with linked(server.url) as link:
        yield link


class Ear:
    """A subscriber and what it was told."""

    def __init__(self, link: RedisLink) -> None:
        self._told: queue.Queue[str] = queue.Queue()
        self.thread = Subscriber(link, self._told.put, lambda: self._told.put(GAP))
        self.thread.start()

    def next(self) -> str:
        return self._told.get(timeout=20).rsplit(":", 1)[0]

    def close(self) -> None:
        self.thread.stop()
        self.thread.join(10)


@pytest.fixture
def ear(link: RedisLink) -> Iterator[Ear]:
    ear = Ear(link)
    assert ear.next() == GAP, "what was said before it listened is looked for"
    yield ear
    ear.close()


@pytest.fixture
def in_database() -> Iterator[Callable[[], list[str]]]:
    """Listen to PostgreSQL; calling it gives what has been announced there up to now."""
    known = ("dbname", "user", "password", "host", "port")
    parameters = {k: v for k, v in connection.get_connection_params().items() if k in known}
    with psycopg.connect(**parameters, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")

        def told() -> list[str]:
            listener.execute(f"NOTIFY {CHANNEL}, 'end'")
            messages: list[str] = []
            for notification in listener.notifies():
                if notification.payload == "end":
                    return messages
                messages.append(notification.payload.rsplit(":", 1)[0])
            raise AssertionError

        yield told


def test_who_listens_to_redis_is_told_there_and_the_database_is_spared(ear, in_database):
    announce([("a", 5)])
    assert ear.next() == "a:5"
    assert in_database() == []


def test_what_nobody_heard_in_redis_the_database_says(link, in_database):
    announce([("a", 5)])
    assert in_database() == ["a:5"]
    assert link.state.up and not link.state.fallbacks


def test_what_one_alone_needs_to_hear_is_said_in_both(ear, in_database):
    announce_cancel("018f")
    announce_room(None)
    announce([("lang.node", 5)])
    assert [ear.next() for _ in range(3)] == ["!018f", "~", "lang.node:5"]
    assert in_database() == ["!018f", "~", "lang.node:5"]


def test_many_lanes_are_told_in_one_go(ear, in_database):
    announce([(f"q{n}", 5) for n in range(20)])
    assert {ear.next() for _ in range(20)} == {f"q{n}:5" for n in range(20)}
    assert in_database() == []


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_redis_that_goes_is_done_without_and_comes_back(tmp_path, monkeypatch, in_database, fault):
    monkeypatch.setattr(module, "_last_sent", {})
    monkeypatch.setattr(redis_channel, "ASK_EVERY", 0.2)
    monkeypatch.setattr(redis_channel, "ANSWER_SECONDS", 0.5)
    with running_redis(tmp_path) as server, linked(server.url) as link:
        ear = Ear(link)
        assert ear.next() == GAP
        getattr(server, fault)()
        for n in range(3):
            announce([(f"during-{n}", 5)])
        assert in_database() == ["during-0:5", "during-1:5", "during-2:5"]
        assert link.state.losses == 1 and link.state.fallbacks["wake-ups"] == 3
        wait_until(lambda: not ear.thread.listening.is_set(), why="the subscriber to notice")
        server.thaw() if fault == "freeze" else server.start()
        assert ear.next() == GAP, "what was said meanwhile is looked for"
        wait_until(lambda: link.state.up, why="the link to be back")
        announce([("after", 5)])
        assert ear.next() == "after:5"
        assert in_database() == []
        ear.close()


def test_workers_listen_to_both_or_to_the_database_alone(link, settings):
    def nothing(*words: str) -> None:
        pass

    assert [type(thread) for thread in listeners(nothing, nothing)] == [Listener, Subscriber]
    settings.REDIS_URL = ""
    assert [type(thread) for thread in listeners(nothing, nothing)] == [Listener]


def test_two_installations_on_one_server_do_not_hear_each_other(server, link, ear, in_database):
    with linked(server.url.removesuffix("/0") + "/7"):
        announce([("theirs", 5)])
        assert in_database() == ["theirs:5"]
    with linked(server.url):
        announce([("ours", 5)])
        assert ear.next() == "ours:5"


def test_a_full_memory_does_not_stop_hints(tmp_path: Path):
    with running_redis(tmp_path, "--maxmemory", "1") as server, linked(server.url) as link:
        ear = Ear(link)
        assert ear.next() == GAP
        announce([("a", 5)])
        assert ear.next() == "a:5"
        ear.close()
