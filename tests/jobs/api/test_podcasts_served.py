"""Listening as a real server has it: slowly, by many, and with nothing held for them."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Podcast
from tests import web_process
from tests.acceptance.stage import wait_until
from tests.factories import UserFactory
from tests.jobs.api.test_waiting_served import ask, is_up, opened
from tests.jobs.speech.podcasts import path_of, stored_podcast

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

#: Far more than sockets and the server hold of it.
SIZE = 48 << 20
LISTENERS = 6


@pytest.fixture
def port(transactional_db: None, tmp_path: Path, settings: Settings) -> Iterator[int]:
    """Serve with two threads and three database connections: none may be held by somebody who listens."""
    settings.MEDIA_ROOT = tmp_path / "media"
    few = {"EKIDEN_WEB_THREADS": "2", "DATABASE_POOL_SIZE": "3", "EKIDEN_MEDIA_ROOT": str(tmp_path / "media")}
    with web_process.running("config.asgi:application", tmp_path / "web.log", **few) as port:
        wait_until(lambda: is_up(port))
        yield port


@pytest.fixture
def podcast(port: int, user: User) -> Podcast:
    return stored_podcast(hashlib.shake_128(b"noise").digest(SIZE), user=user)


def memory(port: int) -> int:
    """Give the resident memory of the server with its workers, in MiB."""
    ours = psutil.Process().children(recursive=True)
    return sum(each.memory_info().rss for each in ours if str(port) in each.cmdline()) >> 20


def test_those_who_listen_hold_nothing_and_cost_little(port: int, client: APIClient, podcast: Podcast) -> None:
    key = client._credentials["HTTP_AUTHORIZATION"]
    path = f"/api/v1/podcasts/{podcast.pk}/audio"
    content = path_of(podcast).read_bytes()
    assert ask(port, f"/api/v1/podcasts/{podcast.pk}", key)[0] == 200
    before = memory(port)
    with ExitStack() as held:
        streams = [held.enter_context(opened(port, path, key)) for _ in range(LISTENERS)]
        # Each takes the beginning, as a player does, and then nothing for a while.
        assert {stream.read(100_000) for stream in streams} == {content[:100_000]}
        assert [ask(port, f"/api/v1/podcasts/{podcast.pk}", key)[0] for _ in range(10)] == [200] * 10
        assert memory(port) - before < SIZE * LISTENERS // 8 >> 20
        print("MEM", memory(port), before)
        assert streams[0].read() == content[100_000:]
    # Those who hang up in the middle are forgotten, and leave no traceback in the server's log.
    status, part = ask(port, path, key)
    assert (status, part) == (200, content)


def test_the_consoles_player_is_served_in_the_same_way(port: int, podcast: Podcast) -> None:
    staff = Client()
    staff.force_login(UserFactory(role="operator"))
    headers = {"Cookie": f"sessionid={staff.cookies['sessionid'].value}", "Range": f"bytes={SIZE - 5}-"}
    address = f"/admin/jobs/podcast/{podcast.pk}/audio/"
    with ExitStack() as held:
        # More of them than there are threads, and connections to the database.
        clients = [held.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=20))) for _ in range(LISTENERS)]
        for client in clients:
            client.request("GET", address, headers={"Cookie": headers["Cookie"]})
        answers = [client.getresponse() for client in clients]
        assert {answer.status for answer in answers} == {200}
        last = held.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=20)))
        last.request("GET", address, headers=headers)
        part = last.getresponse()
        assert (part.status, part.read()) == (206, path_of(podcast).read_bytes()[-5:])
        last.request("GET", address)
        assert last.getresponse().status == 302


def test_a_part_comes_over_the_wire_as_it_was_asked_for(port: int, client: APIClient, podcast: Podcast) -> None:
    key = client._credentials["HTTP_AUTHORIZATION"]
    content = path_of(podcast).read_bytes()
    asked = f"GET /api/v1/podcasts/{podcast.pk}/audio HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        plain.sendall(f"{asked}Range: bytes=1000-1999\r\nConnection: close\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: plain.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206")
    assert f"content-range: bytes 1000-1999/{SIZE}".encode() in head.lower()
    assert b"content-length: 1000" in head.lower() and b"chunked" not in head.lower()
    assert body == content[1000:2000]
