"""Sessions under many hands at once, each with a connection of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from jobs import sessions
from jobs.exceptions import SessionClosed
from jobs.models import Job, Session
from jobs.registry import JobType, registry
from jobs.sessions import NewSession
from tests.api_client import client_of
from tests.concurrency.conftest import Connect
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

EXECUTES = 50
THREADS = 10


def note(ctx: Any, n: int = 0, who: str = "") -> int:
    """Take a note."""
    return n


@pytest.fixture
def user(transactional_db: None) -> Iterator[User]:
    registry.add(JobType("take-note", note))
    yield UserFactory()
    registry.remove("take-note")


@pytest.fixture
def session(user: User) -> Session:
    return sessions.open_session(user, NewSession("python-take-note", {"who": "me"}, {}))


def found(session: Session) -> Session:
    return Session.objects.with_condition().get(pk=session.pk)


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def test_fifty_executes_at_once_count_fifty(user: User, session: Session) -> None:
    together = Barrier(THREADS, timeout=60)

    def execute_several(thread: int) -> None:
        together.wait()
        for n in range(thread, EXECUTES, THREADS):
            sessions.execute(found(session), user, {"n": n})

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda thread: in_thread(lambda: execute_several(thread)), range(THREADS)))

    assert found(session).execution_count == EXECUTES
    assert sorted(job.payload["n"] for job in Job.objects.filter(session=session.pk)) == list(range(EXECUTES))


def test_fifty_executes_at_once_over_the_api(user: User, session: Session) -> None:
    client = client_of(user)
    address = f"/api/v1/sessions/{session.pk}/execute"
    with ThreadPoolExecutor(THREADS) as pool:
        posts = [
            pool.submit(in_thread, lambda n=n: client.post(address, {"params": {"n": n}})) for n in range(EXECUTES)
        ]
        assert {post.result(timeout=60).status_code for post in posts} == {202}
    assert found(session).execution_count == EXECUTES == Job.objects.filter(session=session.pk).count()


def lay_ended(count: int, user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO meta.sessions (request_id, language_title, user_id, expires_at)"
            " SELECT 'ended-' || n, 'python-take-note', %s, now() - interval '1 hour' + n * interval '1 millisecond'"
            " FROM generate_series(1, %s) AS n",
            [user.user_id, count],
        )


def test_ten_thousand_expire_in_one_statement_beside_executes(connect: Connect, user: User, session: Session) -> None:
    lay_ended(10_000, user)
    cleaner = connect(autocommit=False)
    # Nothing of this is committed while the live session is executed, extended and closed.
    expired = cleaner.execute("SELECT meta.cleanup_expired_sessions() AS count").fetchone()
    assert expired == {"count": 10_000}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        sessions.execute(found(session), user, {"n": 1})
        sessions.extend(found(session), ttl=100)
        sessions.close(session.pk, user)
    cleaner.commit()
    assert found(session).execution_count == 1
    assert Session.objects.filter(status="expired").count() == 10_000


def test_the_cleanup_waits_for_nobody(connect: Connect, user: User) -> None:
    lay_ended(3, user)
    other = connect(autocommit=False)
    other.execute("SELECT 1 FROM meta.sessions WHERE request_id = 'ended-2' FOR UPDATE")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        assert Session.objects.cleanup_expired() == 2
    other.rollback()
    assert Session.objects.cleanup_expired() == 1


def test_two_cleanups_share_the_work(connect: Connect, user: User) -> None:
    lay_ended(100, user)
    first = connect(autocommit=False)
    assert first.execute("SELECT meta.cleanup_expired_sessions(60) AS n").fetchone() == {"n": 60}
    assert Session.objects.cleanup_expired() == 40
    first.commit()
    assert Session.objects.cleanup_expired() == 0


def test_an_execute_that_loses_to_a_close_submits_nothing(connect: Connect, user: User, session: Session) -> None:
    seen = found(session)
    closer = connect(autocommit=False)
    closer.execute("UPDATE meta.sessions SET status = 'closed' WHERE request_id = %s", [session.pk])
    with ThreadPoolExecutor(1) as pool:
        executing = pool.submit(in_thread, lambda: sessions.execute(seen, user, {"n": 1}))
        wait_for_a_waiter(connect())
        closer.commit()
        with pytest.raises(SessionClosed):
            executing.result(timeout=60)
    assert not Job.objects.exists()
    assert found(session).execution_count == 0


def wait_for_a_waiter(watcher: psycopg.Connection[Any]) -> None:
    """Return once somebody waits for a lock; polled, because PostgreSQL tells nobody of it."""
    end = timezone.now().timestamp() + 60
    while timezone.now().timestamp() < end:
        waiting = watcher.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'").fetchone()
        if waiting:
            return
    raise AssertionError("nobody waits")


def test_an_execution_and_its_job_come_together_or_not_at_all(user: User, session: Session) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        sessions.execute(found(session), user, {"n": 1})
        raise RuntimeError
    assert found(session).execution_count == 0
    assert not Job.objects.exists()


def test_the_end_is_asked_of_the_databases_clock_at_the_last_moment(user: User, session: Session) -> None:
    seen = found(session)
    Session.objects.filter(pk=session.pk).update(expires_at=Now())
    with pytest.raises(sessions.SessionExpired):
        sessions.execute(seen, user, {"n": 1})
    assert not Job.objects.exists()
