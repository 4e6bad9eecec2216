"""Pooled connections are looked at for nothing, and dead ones are never handed out."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from config import pool_checks
from tests.acceptance.conftest import database_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch) -> Iterator[list[int]]:
    """Name the backends that were asked whether they live."""
    pids: list[int] = []
    usual = ConnectionPool.check_connection

    def ask(connection: psycopg.Connection) -> None:
        pids.append(connection.info.backend_pid)
        usual(connection)

    monkeypatch.setattr(ConnectionPool, "check_connection", staticmethod(ask))
    pool_checks.install()
    return pids


@pytest.fixture
def pool(asked) -> Iterator[ConnectionPool]:
    made = ConnectionPool(
        database_url(), min_size=1, max_size=1, kwargs={"autocommit": True}, check=ConnectionPool.check_connection
    )
    with made:
        yield made


def test_a_connection_in_use_is_asked_once_and_then_trusted(pool, asked):
    for _ in range(5):
        with pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert len(asked) == 1


def test_one_that_rested_is_asked_again(pool, asked, monkeypatch):
    monkeypatch.setattr(pool_checks, "TRUSTED_SECONDS", 0.0)
    for _ in range(3):
        with pool.connection():
            pass
    assert len(asked) == 3


@pytest.mark.parametrize("way", ["SELECT pg_terminate_backend(%s, 10000)", "the socket"])
def test_one_that_was_ended_meanwhile_is_replaced(pool, asked, way):
    with pool.connection() as connection:
        first = connection.info.backend_pid
    if way == "the socket":
        # As when the network says that it is over, and the server does not.
        import socket

        with socket.socket(fileno=connection.fileno()) as plug:
            plug.shutdown(socket.SHUT_RDWR)
            plug.detach()
    else:
        with psycopg.connect(database_url()) as other:
            other.execute(way, [first])
    with pool.connection() as connection:
        assert connection.info.backend_pid != first
        assert connection.execute("SELECT 1").fetchone() == (1,)
