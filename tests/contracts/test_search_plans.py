"""Queries that PostgreSQL answers by itself use its indexes where these serve, at 100,000 jobs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction

from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.search import freshness
from jobs.search.as_q import as_q
from jobs.search.language.parsing import parse
from jobs.search.language.resolving import resolve
from tests.contracts import history
from tests.contracts.plans import Plan, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

PAGE = 51
NOBODY = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module", autouse=True)
def _laid(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Lay the history once for all tests of this file, and take it back."""
    with django_db_blocker.unblock(), transaction.atomic():
        history.lay(analyzed=True)
        yield
        transaction.set_rollback(True)


def newest(jobs: JobQuerySet) -> Any:
    return list(jobs.order_by("-id")[:PAGE])


def count(jobs: JobQuerySet) -> Any:
    return jobs.count()


@dataclass(frozen=True)
class Query:
    """A query, and the indexes that its jobs are found by."""

    text: str
    indexes: frozenset[str]
    answer: Callable[[JobQuerySet], Any] = newest


QUERIES = {
    "what failed": Query("status:failed", frozenset({"job_ended_badly"})),
    "how much went wrong": Query("status:(failed OR cancelled OR dead_letter)", frozenset({"job_ended_badly"}), count),
    "what failed of a type": Query("status:dead_letter AND job_type:rare", frozenset({"job_ended_badly"})),
    "what runs": Query("status:processing", frozenset({"job_running"})),
    "how many wait": Query("status:pending", frozenset({"job_ready", "job_lanes", "job_waiting"}), count),
    "how many are not done": Query(
        "status:(pending OR processing)",
        frozenset({"job_ready", "job_lanes", "job_waiting", "job_running"}),
        count,
    ),
    "a tag": Query("tags:tag30", frozenset({"job_tags"})),
    "one of some tags": Query("tags:(tag30 OR tag60)", frozenset({"job_tags"})),
    "a tag, and more": Query("tags:tag30 AND NOT job_type:type3 AND priority:>=2", frozenset({"job_tags"})),
    "somebody's": Query("user_id:owner1", frozenset({"job_owner"})),
    "somebody's that failed": Query("user_id:owner1 AND error_message:timeout", frozenset({"job_owner"})),
    "a day long ago": Query("created_at:[now-200d TO now-199d]", frozenset({"job_queue_pkey"})),
    "the last hours": Query("created_at:>=now-6h AND hostname:build*", frozenset({"job_queue_pkey"})),
    "how many in a week": Query("created_at:[now-14d TO now-7d] NOT queue:mail", frozenset({"job_queue_pkey"}), count),
    "one job": Query(f"id:{NOBODY}", frozenset({"job_queue_pkey"})),
    "some jobs": Query(f"id:{NOBODY} OR id:{history.SCHEDULE}", frozenset({"job_queue_pkey"})),
    "children": Query(f"parent_id:{NOBODY}", frozenset({"job_children"})),
    "of a batch": Query(f"batch_id:{NOBODY} AND status:completed", frozenset({"job_batch"})),
    "of a schedule": Query(f"schedule_id:{NOBODY}", frozenset({"job_once_per_tick"})),
    "what was deleted": Query("is_deleted:true", frozenset({"job_deleted"})),
    "this or that, each by its own": Query(
        "tags:tag30 OR status:processing", frozenset({"job_tags", "job_running"}), count
    ),
}  # fmt: skip


def plan_of(query: Query) -> Plan:
    jobs = Job.objects.filter(as_q(resolve(parse(query.text))))
    (plan,) = [plan for plan in plans_of(lambda: query.answer(jobs)) if is_of_jobs(plan)]
    return plan


def is_of_jobs(plan: Plan) -> bool:
    return any(node.get("Relation Name") == "job_queue" for node in plan.nodes())


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_and_its_indexes(name: str) -> None:
    plan = plan_of(QUERIES[name])
    assert "job_queue" not in plan.read_whole()
    assert {node["Index Name"] for node in plan.nodes() if "Index Name" in node} == QUERIES[name].indexes


def test_a_range_of_creation_is_a_range_of_the_primary_key() -> None:
    """It reads the jobs of that day and two minutes more, however many there are before and behind."""
    query = QUERIES["a day long ago"]
    (scan,) = [node for node in plan_of(query).nodes() if node.get("Index Name") == "job_queue_pkey"]
    assert scan["Index Cond"].count("id ") == 2
    in_a_day = Job.objects.filter(as_q(parse(query.text))).count()
    assert 0 < in_a_day < history.JOBS / 300


def test_the_oldest_change_is_the_first_entry_of_its_index() -> None:
    """Searches ask for it each time: also while very many changes are still to be sent."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "CREATE INDEX job_search_dirty ON job_queue ((get_byte(uuid_send(id), 15) & 3), updated_at) "
            "WHERE es_sync_version < version"
        )
        plan = next(filter(is_of_jobs, plans_of(freshness.of_engine)))
        transaction.set_rollback(True)
    assert plan.indexes("job_queue") == {"job_search_dirty"}
    assert not plan.sorts()
