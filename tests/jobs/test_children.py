"""Parents and children: what has not started falls with its parent."""

from typing import Any

import pytest
from django.db import connection

from jobs import control
from jobs.enqueue import NewJob, enqueue, enqueue_many
from jobs.models import Job
from jobs.releasing import release_waiting
from tests.jobs import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _note(note: Any) -> None:
    """All jobs here are notes."""


def submit(**options: Any) -> Job:
    return enqueue("note", {}, **options).fetch()


def status(*jobs: Job) -> list[str]:
    return [Job.objects.get(pk=job.pk).status for job in jobs]


def test_a_cancelled_parent_takes_its_whole_family_along(actor: Any) -> None:
    parent = submit()
    child, done = submit(parent=parent, user=actor), submit(parent=parent.pk)
    grandchild, of_done = submit(parent=str(child.pk)), submit(parent=done)
    rows.finish(done)
    control.cancel(parent.pk, actor)
    assert status(parent, child, grandchild, of_done) == ["cancelled"] * 4
    assert status(done) == ["completed"]
    child.refresh_from_db()
    assert child.error_message == f"Its parent, job {parent.pk}, was cancelled."
    assert child.error_details["kind"] == "parent"


def test_running_children_go_on() -> None:
    parent = submit()
    child = submit(parent=parent)
    rows.start(child)
    control.cancel(parent.pk, None)
    assert status(child) == ["processing"]


def test_a_running_parents_children_fall_when_it_is_asked_to_stop_and_when_it_does() -> None:
    parent = submit()
    lock = rows.start(parent)
    before = submit(parent=parent)
    control.cancel(parent.pk, None)
    assert status(parent, before) == ["processing", "cancelled"]
    meanwhile = submit(parent=parent)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cancel_jobs(ARRAY[%s::uuid], ARRAY[%s::bigint])", [parent.pk, lock.lock_token])
    assert status(parent, meanwhile) == ["cancelled", "cancelled"]
    assert status(submit(parent=parent)) == ["cancelled"]  # too late


def test_children_of_one_that_completes_run_on() -> None:
    parent = submit()
    child = submit(parent=parent)
    rows.finish(parent)
    assert status(child) == ["pending"]


def test_those_that_depend_on_a_fallen_child_are_told() -> None:
    parent = submit()
    child = submit(parent=parent)
    follower = submit(depends_on=[child])
    control.cancel(parent.pk, None)
    release_waiting()
    assert status(follower) == ["cancelled"]


def test_what_falls_with_its_parent_is_not_let_go_in_the_same_look() -> None:
    first, second = submit(), submit()
    parent = submit(depends_on=[first])
    child = submit(parent=parent, depends_on=[second])
    control.cancel(first.pk, None)
    rows.finish(second)
    assert not release_waiting().lanes
    child.refresh_from_db()
    assert (child.status, child.waits_for, child.error_details["kind"]) == ("cancelled", "jobs", "parent")


def test_a_family_may_be_as_deep_as_it_likes() -> None:
    last = first = submit()
    for _ in range(300):
        last = submit(parent=last)
    control.cancel(first.pk, None)
    assert set(Job.objects.values_list("status", flat=True)) == {"cancelled"}


def test_ten_thousand_children_fall_at_once() -> None:
    parent = submit()
    enqueue_many([NewJob("note", {}, {"parent": parent})] * 10_000)
    control.cancel(parent.pk, None)
    assert Job.objects.filter(status="cancelled").count() == 10_001


def test_family_trees_that_bite_their_own_tails_end_too() -> None:
    first = submit()
    second = submit(parent=first)
    Job.objects.filter(pk=first.pk).update(parent=second.pk)
    control.cancel(first.pk, None)
    assert status(first, second) == ["cancelled", "cancelled"]
