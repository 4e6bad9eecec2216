"""The indexes of dependencies, batches and children, used at size, whatever the statistics say."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from jobs import batches
from jobs.batches import enqueue_batch
from jobs.decorators import job
from jobs.depending import Dependencies
from jobs.enqueue import NewJob, enqueue
from jobs.models import Batch, Job
from jobs.registry import registry
from jobs.releasing import release_waiting
from tests.contracts.plans import nested_plans, plans_of
from tests.factories import UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

JOBS = 1_000
TABLES = ("job_queue", "job_dependencies", "job_batches", "job_release_checks")


@pytest.fixture(params=[True, False], ids=["analyzed", "statistics-of-empty-tables"])
def batch(request: pytest.FixtureRequest, db: None) -> Batch:
    """A batch with a callback among others, and a parent with children."""
    job("note")(lambda ctx, **payload: payload)
    request.addfinalizer(lambda: registry.remove("note"))
    owner = UserFactory(user_id="ada")
    for _ in range(5):
        found = enqueue_batch([NewJob("note", {})] * JOBS, on_ended=NewJob("note", {}), user=owner)
    parent = enqueue("note", {}).fetch()
    some = Job.objects.filter(batch=found.id).exclude(pk=found.callback.id).order_by("id")[:100]  # type: ignore[union-attr]
    Job.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(parent=parent)
    if request.param:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(TABLES)}")
    return found.fetch()


def first_job(batch: Batch) -> Job:
    return Job.objects.filter(batch=batch).exclude(pk=batch.callback).order_by("id")[0]


def ends(batch: Batch) -> None:
    Job.objects.filter(pk=first_job(batch).pk).update(status="cancelled")


def falls(batch: Batch) -> None:
    Job.objects.filter(pk=first_job(batch).parent_id).update(
        status="cancelled", cancel_requested_at="2026-01-01T00:00Z"
    )


def releases(batch: Batch) -> None:
    ends(batch)
    release_waiting()


def follows(batch: Batch) -> None:
    enqueue("note", {}, depends_on=[first_job(batch)])
    release_waiting()


#: What is done, and the index it cannot do without.
WORK: dict[str, tuple[Callable[[Batch], Any], Callable[..., Any], str, str]] = {
    "counting": (batches.count, plans_of, "job_queue", "job_batch"),
    "children": (
        lambda batch: list(first_job(batch).parent.children.order_by("id")[:51]),
        plans_of,
        "job_queue",
        "job_children",
    ),
    "telling followers": (ends, nested_plans, "job_dependencies", "dependency_followers"),
    "releasing": (releases, nested_plans, "job_dependencies", "dependency_open"),
    "beginning to wait": (follows, nested_plans, "job_dependencies", "dependency_once"),
    "a falling family": (falls, nested_plans, "job_queue", "job_children"),
    "results of dependencies": (
        lambda batch: next(iter(Dependencies(UUID(str(batch.callback))))),
        plans_of,
        "job_dependencies",
        "dependency_once",
    ),
}


def test_each_uses_its_index(batch: Batch) -> None:
    """One test for all of them: the rows are dear."""
    for name, (work, plans, table, index) in WORK.items():
        found = plans(lambda work=work: work(batch))
        assert index in set().union(*(plan.indexes(table) for plan in found)), name
        whole = set().union(*(plan.read_whole() for plan in found))
        assert not whole & {"job_queue", "job_dependencies"}, (name, whole)
