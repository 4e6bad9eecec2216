"""Jobs that wait for others, while those end, are submitted, released and cancelled at the same moment."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections, transaction

from jobs import control
from jobs.decorators import job
from jobs.drafts import drafts_of
from jobs.enqueue import After, NewJob, enqueue, enqueue_many
from jobs.linking import link
from jobs.models import Dependency, Job, ReleaseCheck
from jobs.registry import registry
from jobs.releasing import Released, release_waiting

pytestmark = pytest.mark.django_db(transaction=True)

Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture(autouse=True)
def _note() -> Iterator[None]:
    job("note")(lambda ctx, **payload: payload)
    yield
    registry.remove("note")


def submit(**options: Any) -> UUID:
    return enqueue("note", {}, **options).id


def start(db: Connection, *job_ids: UUID) -> dict[UUID, int]:
    rows = db.execute("SELECT * FROM start_jobs(%s, 'w', interval '5 minutes')", [list(job_ids)]).fetchall()
    return {row["job_id"]: row["lock_token"] for row in rows}


def complete(db: Connection, tokens: dict[UUID, int]) -> None:
    arguments = [list(tokens), list(tokens.values()), [None] * len(tokens)]
    assert len(db.execute("SELECT complete_jobs(%s, %s, %s::jsonb[])", arguments).fetchall()) == len(tokens)


def waits(job_id: UUID) -> str | None:
    found = Job.objects.get(pk=job_id)
    assert found.status == "pending"
    return found.waits_for


def test_the_last_two_dependencies_end_in_transactions_side_by_side(connect: Any) -> None:
    first, second = submit(), submit()
    last = submit(depends_on=[first, second])
    release_waiting()
    one, two = connect(autocommit=False), connect(autocommit=False)
    complete(one, start(one, first))
    complete(two, start(two, second))
    release_waiting()
    assert waits(last) == "jobs"  # neither is committed
    one.commit()
    assert release_waiting() == Released(frozenset(), more=False)
    assert waits(last) == "jobs"
    two.commit()
    assert release_waiting().lanes == {("default", 5)}
    assert waits(last) is None


def test_what_was_not_committed_is_not_told(connect: Any) -> None:
    first = submit()
    last = submit(depends_on=[first])
    release_waiting()
    db = connect(autocommit=False)
    complete(db, start(db, first))
    db.rollback()
    release_waiting()
    assert waits(last) == "jobs"


def _await_end(watching: Connection, pid: int) -> None:
    """Wait until the server has noticed that a connection is closed: until then its locks are there."""
    deadline = time.monotonic() + 30
    while watching.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchall():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_a_word_outlives_whoever_should_have_read_it(connect: Any) -> None:
    first = submit()
    last = submit(depends_on=[first])
    release_waiting()
    dying = connect()
    complete(dying, start(dying, first))
    dying.execute("BEGIN")
    assert dying.execute("SELECT * FROM release_waiting_jobs()").fetchall()
    pid = dying.info.backend_pid
    dying.close()  # before the commit
    _await_end(connect(), pid)
    assert waits(last) == "jobs"
    assert release_waiting().lanes
    assert waits(last) is None


@pytest.mark.parametrize("is_followed", [False, True])
def test_a_job_that_ends_while_it_is_depended_on(connect: Any, is_followed: bool) -> None:
    first = submit()
    if is_followed:
        submit(depends_on=[first])
        release_waiting()
    db = connect(autocommit=False)
    tokens = start(db, first)
    db.commit()
    complete(db, tokens)  # not committed: whoever submits now sees a running job
    last = submit(depends_on=[first])
    found = release_waiting()
    assert found.more  # it is locked: the word stays
    assert waits(last) == "jobs"
    db.commit()
    assert not release_waiting().more
    assert waits(last) is None


def test_submitting_keeps_no_worker_waiting(connect: Any) -> None:
    first, parent = submit(), submit()
    db = connect()
    db.execute("SET lock_timeout = '2s'")
    tokens = start(db, first, parent)
    with transaction.atomic():
        last = submit(depends_on=[first], parent=parent)
        complete(db, tokens)
        assert not db.execute("SELECT * FROM release_waiting_jobs()").fetchall()  # its word is not committed yet
    assert waits(last) == "jobs"
    assert release_waiting().lanes
    assert waits(last) is None


def test_a_job_that_is_deleted_meanwhile_is_no_reason_to_wait(connect: Any) -> None:
    first = submit()
    last = submit(depends_on=[first])
    connect().execute("DELETE FROM job_queue WHERE id = %s", [first])
    release_waiting()
    found = Job.objects.get(pk=last)
    assert (found.status, found.error_message) == (
        "cancelled",
        f"It depends on job {first}, which is not there any more.",
    )


def test_nobody_waits_for_a_row_that_somebody_has_locked(connect: Any) -> None:
    first, second = submit(), submit()
    blocked, free = submit(depends_on=[first]), submit(depends_on=[second])
    release_waiting()
    db = connect()
    complete(db, start(db, first, second))
    holder = connect(autocommit=False)
    holder.execute("SELECT FROM job_queue WHERE id = %s FOR UPDATE", [blocked])
    found = release_waiting()
    assert found.more
    assert waits(free) is None
    holder.rollback()
    assert not release_waiting().more
    assert waits(blocked) is None


def test_a_child_that_is_being_claimed_runs_or_falls(connect: Any) -> None:
    parent = submit()
    claimed, waiting = submit(parent=parent), submit(parent=parent)
    db = connect(autocommit=False)
    start(db, claimed)
    with ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(_closing, lambda: control.cancel(parent, None))
        watcher = connect()
        while not watcher.execute("SELECT 1 AS waits FROM pg_locks WHERE NOT granted").fetchone():
            pass
        db.commit()
        cancelling.result(30)
    found = dict(Job.objects.values_list("pk", "status"))
    assert found == {parent: "cancelled", claimed: "processing", waiting: "cancelled"}


@pytest.mark.parametrize("seed", range(3))
def test_storm(connect: Any, seed: int) -> None:
    """Jobs end, are submitted with dependencies, and are released, all at once; at the end nobody waits in vain."""
    draw = random.Random(seed)
    roots = [each.id for each in enqueue_many([NewJob("note", {})] * 60)]
    done = threading.Event()
    pairs = [draw.sample(roots, draw.randint(1, 5)) for _ in range(60)]

    def end(part: list[UUID]) -> None:
        db = connect()
        for size in (1, 3, 8, 18):
            chunk, part = part[:size], part[size:]
            complete(db, start(db, *chunk))

    def follow(part: list[list[UUID]]) -> None:
        for each in part:
            drafts = drafts_of(registry.get("note"), {}, {"depends_on": [After(root, "ended") for root in each]})
            link(drafts)

    def release() -> None:
        while not done.is_set():
            release_waiting()

    with ThreadPoolExecutor(6) as pool:
        releasing = [pool.submit(_closing, release) for _ in range(2)]
        draw.shuffle(roots)
        work = [pool.submit(_closing, lambda part=part: end(part)) for part in (roots[:30], roots[30:])]
        work += [pool.submit(_closing, lambda part=part: follow(part)) for part in (pairs[:30], pairs[30:])]
        try:
            for each in work:
                each.result(60)
        finally:
            done.set()
        for each in releasing:
            each.result(60)
    while release_waiting().more:
        pass
    assert not Dependency.objects.filter(status="open").exists()
    assert not Job.objects.exclude(waits_for=None).exists()
    assert not ReleaseCheck.objects.exists()
    assert Job.objects.filter(status="pending").count() == 60


def _closing(work: Any) -> Any:
    try:
        return work()
    finally:
        connections.close_all()
