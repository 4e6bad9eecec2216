"""Chores: done when due, by one worker of several, whatever they raise."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.db.models.functions import Now

from jobs import chores
from jobs.models import Chore
from jobs.worker.chores import LEASE, ChoreThread

HOUR = timedelta(hours=1)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(chores, "chores", {})
    monkeypatch.setattr("jobs.worker.chores.chores", chores.chores)
    done: list[str] = []
    chores.chore("sweep", 60.0, lambda: done.append("sweep"))
    yield done


@pytest.mark.django_db
class TestRound:
    def test_does_what_is_due_once(self, done: list[str]) -> None:
        Chore.objects.create(name="sweep")
        ChoreThread().round()
        ChoreThread().round()
        assert done == ["sweep"]
        row = Chore.objects.get(name="sweep")
        assert row.started_at is not None
        assert row.ended_at is not None
        assert row.due_at == row.started_at + timedelta(seconds=60)
        assert row.error_message == ""

    def test_does_it_again_when_it_is_due_again(self, done: list[str]) -> None:
        Chore.objects.create(name="sweep")
        ChoreThread().round()
        Chore.objects.update(due_at=Now() - HOUR)
        ChoreThread().round()
        assert done == ["sweep", "sweep"]

    def test_leaves_what_another_version_knows(self, done: list[str]) -> None:
        Chore.objects.create(name="polish")
        ChoreThread().round()
        assert Chore.objects.get(name="polish").started_at is None

    def test_takes_a_run_that_was_lost(self, done: list[str]) -> None:
        Chore.objects.create(name="sweep")
        assert Chore.objects.take("sweep", LEASE)
        ChoreThread().round()
        assert done == []
        Chore.objects.update(due_at=Now() - LEASE)
        ChoreThread().round()
        assert done == ["sweep"]


@pytest.mark.django_db
def test_one_of_two_takes_a_run(done: list[str]) -> None:
    Chore.objects.create(name="sweep")
    assert [Chore.objects.take("sweep", LEASE) for _ in range(2)] == [True, False]


@pytest.mark.django_db(transaction=True)
def test_keeps_an_error_and_goes_on_with_the_others(done: list[str]) -> None:
    def fail() -> None:
        raise RuntimeError("no broom")

    chores.chore("break", 60.0, fail)
    Chore.objects.bulk_create([Chore(name="break"), Chore(name="sweep")])
    ChoreThread().round()
    assert done == ["sweep"]
    row = Chore.objects.get(name="break")
    assert row.error_message == "RuntimeError: no broom"
    assert row.started_at is not None
    assert row.due_at == row.started_at + timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_the_thread_signs_up_and_works(done: list[str]) -> None:
    thread = ChoreThread()
    chores.chore("sweep", 60.0, lambda: (done.append("sweep"), thread.stop()))
    thread.start()
    thread.join(30)
    assert done == ["sweep"]
    assert Chore.objects.get(name="sweep").ended_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_chore_that_breaks_its_connection_is_settled_all_the_same(done: list[str]) -> None:
    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        finally:
            other.close()
        Chore.objects.exists()

    chores.chore("cut", 60.0, cut)
    Chore.objects.create(name="cut")
    try:
        ChoreThread().round()
    finally:
        connections["default"].close()
    row = Chore.objects.get(name="cut")
    assert "OperationalError" in row.error_message
