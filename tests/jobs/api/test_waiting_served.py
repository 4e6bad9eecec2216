"""Waiting as a real server does it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.api.waiting import MAX_WATCHES_PER_USER
from jobs.statuses import Status
from tests import web_process
from tests.acceptance.stage import wait_until
from tests.jobs.api.conftest import set_status

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

Submit = Callable[..., dict[str, Any]]
WAITERS = 40


@pytest.fixture
def port(transactional_db: None, tmp_path: Path) -> Iterator[int]:
    """Serve with two threads and three database connections: none may be held by somebody who waits."""
    few = {"EKIDEN_WEB_THREADS": "2", "DATABASE_POOL_SIZE": "3"}
    with web_process.running("config.asgi:application", tmp_path / "web.log", **few) as port:
        wait_until(lambda: is_up(port))
        yield port


def is_up(port: int) -> bool:
    try:
        return ask(port, "/health/ready")[0] == 200
    except (ConnectionError, RemoteDisconnected):
        return False


def ask(port: int, path: str, key: str = "") -> tuple[int, bytes]:
    with opened(port, path, key) as response:
        return response.status, response.read()


@contextmanager
def opened(port: int, path: str, key: str) -> Iterator[HTTPResponse]:
    """Send a request, and hang up when the block ends."""
    client = HTTPConnection("127.0.0.1", port, timeout=25)
    with closing(client):
        client.request("GET", path, headers={"Authorization": key} if key else {})
        with closing(client.getresponse()) as response:
            yield response


def test_those_who_wait_hold_neither_threads_nor_connections(port: int, client: APIClient, submit: Submit) -> None:
    key = client._credentials["HTTP_AUTHORIZATION"]
    ids = [submit()["job_id"] for _ in range(WAITERS)]
    with ExitStack() as held, ThreadPoolExecutor(WAITERS) as pool:
        streams = [
            held.enter_context(opened(port, f"/api/v1/jobs/{job_id}/events", key)) for job_id in ids[: WAITERS // 2]
        ]
        assert {stream.readline() for stream in streams} == {b"retry: 2000\n"}
        waiting = [pool.submit(ask, port, f"/api/v1/jobs/{job_id}?wait=20", key) for job_id in ids]
        # All the while others are served at once.
        assert [ask(port, f"/api/v1/jobs/{job_id}", key)[0] for job_id in ids] == [200] * WAITERS
        for job_id in ids:
            set_status(job_id, Status.COMPLETED)
        answers = [future.result(20) for future in waiting]
        told = [stream.read() for stream in streams]

    assert {(status, json.loads(body)["status"]) for status, body in answers} == {(200, "completed")}
    assert all(b"event: end" in story for story in told)


def test_a_client_that_goes_away_is_forgotten(port: int, client: APIClient, submit: Submit) -> None:
    key = client._credentials["HTTP_AUTHORIZATION"]
    job_id = submit()["job_id"]

    # Many more than one user may have at a time.
    for _ in range(3 * MAX_WATCHES_PER_USER):
        with opened(port, f"/api/v1/jobs/{job_id}/events", key) as response:
            assert response.status == 200
