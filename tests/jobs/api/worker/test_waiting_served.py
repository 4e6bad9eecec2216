"""Waiting for work as a real server does it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from jobs.models import Job, ProcessingLock
from tests import web_process
from tests.acceptance.stage import wait_until
from tests.jobs.api.test_waiting_served import ask as get
from tests.jobs.api.test_waiting_served import is_up

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WAITERS = 40


@pytest.fixture
def port(transactional_db: None, tmp_path: Path) -> Iterator[int]:
    """Serve with two threads and three database connections: none may be held by somebody who waits."""
    few = {"EKIDEN_WEB_THREADS": "2", "DATABASE_POOL_SIZE": "3"}
    with web_process.running("config.asgi:application", tmp_path / "web.log", **few) as port:
        wait_until(lambda: is_up(port))
        yield port


def claim(port: int, key: str, name: str) -> tuple[int, Any]:
    client = HTTPConnection("127.0.0.1", port, timeout=40)
    body = json.dumps({"worker_id": name, "languages": ["node"]})
    with closing(client):
        headers = {"Authorization": key, "Content-Type": "application/json"}
        client.request("POST", "/api/v1/worker/claim?wait=30", body, headers)
        with closing(client.getresponse()) as response:
            return response.status, json.loads(response.read())


def listening() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN ekiden_jobs'"
        )
        return bool(cursor.fetchone()[0] == 1)


def test_those_who_wait_hold_neither_threads_nor_connections(
    port: int, worker: APIClient, ask: Callable[..., Job]
) -> None:
    key = worker._credentials["HTTP_AUTHORIZATION"]
    with ThreadPoolExecutor(WAITERS) as pool:
        waiting = [pool.submit(claim, port, key, f"w-{number}") for number in range(WAITERS)]
        # One connection listens for all of them.
        wait_until(listening)
        # All the while others are served at once.
        assert [get(port, "/api/v1/me", key)[0] for _ in range(WAITERS)] == [200] * WAITERS
        jobs = {str(ask().pk) for _ in range(WAITERS)}
        answers = [future.result(60) for future in waiting]

    assert {status for status, _ in answers} == {200}
    handed_out = [each["job_id"] for _, answer in answers for each in answer["jobs"]]
    assert sorted(handed_out) == sorted(jobs)
    assert ProcessingLock.objects.count() == WAITERS
    # Nobody waits any more, so nobody listens.
    wait_until(lambda: not listening())


def test_a_client_that_goes_away_gets_nothing(port: int, worker: APIClient, ask: Callable[..., Job]) -> None:
    key = worker._credentials["HTTP_AUTHORIZATION"]
    body = json.dumps({"worker_id": "gone", "languages": ["node"]})
    gone = HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Authorization": key, "Content-Type": "application/json"}
    gone.request("POST", "/api/v1/worker/claim?wait=30", body, headers)
    wait_until(listening)
    gone.close()
    # The thread ends when the server has noticed that nobody waits.
    wait_until(lambda: not listening())

    job = ask()
    status, answer = claim(port, key, "there")
    assert (status, [each["job_id"] for each in answer["jobs"]]) == (200, [str(job.pk)])
    assert ProcessingLock.objects.get().worker_id == "node-farm/there"
