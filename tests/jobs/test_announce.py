import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection, transaction

from jobs import announce as module
from jobs.announce import CHANNEL, announce, announce_cancel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard():
    """Listen on a connection of its own; calling it gives what has been announced up to now."""
    known = ("dbname", "user", "password", "host", "port")
    parameters = {k: v for k, v in connection.get_connection_params().items() if k in known}
    with psycopg.connect(**parameters, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")

        def told():
            # A notification of our own is delivered after all that were committed before it.
            listener.execute(f"NOTIFY {CHANNEL}, 'end'")
            messages = []
            for notification in listener.notifies():
                if notification.payload == "end":
                    return messages
                messages.append(notification.payload)

        yield told


def lanes(messages):
    return sorted(message.rsplit(":", 1)[0] for message in messages)


def test_workers_are_told_after_the_commit(note, heard):
    with transaction.atomic():
        note.enqueue(queue="a", priority=3)
        assert heard() == []
    assert lanes(heard()) == ["a:3"]


def test_nothing_is_said_of_what_was_rolled_back(note, heard):
    with transaction.atomic():
        note.enqueue(queue="a")
        transaction.set_rollback(True)
    with transaction.atomic():
        note.enqueue(queue="kept")
        with transaction.atomic():
            note.enqueue(queue="lost")
            transaction.set_rollback(True)
    assert lanes(heard()) == ["kept:5"]


def test_a_lane_is_announced_once_in_a_window(note, heard, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for _ in range(50):
        note.enqueue(queue="a")
    note.enqueue(queue="b")
    assert lanes(heard()) == ["a:5", "b:5"]
    now[0] += 1.1 * module.WINDOW_SECONDS
    note.enqueue(queue="a")
    assert lanes(heard()) == ["a:5"]


def test_many_jobs_make_one_announcement_for_each_lane(note, heard):
    with transaction.atomic():
        note.enqueue_many([{"n": n} for n in range(100)], queue="a", priority=1)
        note.enqueue_many([{"n": n} for n in range(100)], queue="a", priority=2)
    assert lanes(heard()) == ["a:1", "a:2"]


def test_an_announcement_says_how_long_the_transaction_took(heard, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with transaction.atomic():
        announce([("a", 5)])
        now[0] += 1.5
    assert heard() == ["a:5:1500"]


def test_a_cancel_is_announced_by_id(heard):
    announce_cancel("018f")
    assert heard() == ["!018f"]


def test_jobs_from_sql_are_announced_too(heard):
    with connection.cursor() as cursor:
        cursor.execute("SELECT enqueue_job('t', '{}', 'sqlq', 7)")
    assert lanes([f"{message}:0" for message in heard()]) == ["sqlq:7"]


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("the connection is closed")])
def test_a_hint_that_cannot_be_sent_is_not_the_callers_error(note, monkeypatch, caplog, error):
    def fail(*args):
        raise error

    submitted = []
    with transaction.atomic():
        submitted.append(note.enqueue())
        monkeypatch.setattr(connection, "cursor", fail)
    monkeypatch.undo()
    assert "workers find it at their next poll" in caplog.text
    assert submitted[0].fetch()


def test_lanes_are_not_remembered_for_ever(monkeypatch, heard):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for n in range(3 * module.LANES_REMEMBERED):
        announce([(f"queue-{n}", 5)])
        now[0] += 1
    assert len(module._last_sent) <= module.LANES_REMEMBERED
