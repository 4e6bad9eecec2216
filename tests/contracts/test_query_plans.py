"""Every index is there for a query, and the query uses it, at 100,000 jobs."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.uuid7 import first_uuid7
from jobs import queues, triage
from jobs.dead_letters import neighbour
from jobs.enqueue import NewJob, enqueue, enqueue_many
from jobs.exceptions import LockLost
from jobs.models import DeadLetter, Job, Schedule
from jobs.remote import holding
from jobs.remote.holding import renew
from jobs.retention import Rule, Walk
from jobs.scheduling.submission import submit
from jobs.unique_keys import holder_of
from jobs.uniqueness import Unique
from jobs.worker.claiming import Claimer
from jobs.worker.options import WorkerOptions
from tests.contracts import history
from tests.contracts.plans import nested_plans, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

PAGE = 51


@pytest.fixture(scope="module", params=[True, False], ids=["analyzed", "statistics-of-empty-tables"])
def analyzed(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[bool]:
    """Lay the history once for all tests of this file, and take it back."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            history.lay(request.param)
            yield request.param
            transaction.set_rollback(True)


def claimer() -> Claimer:
    return Claimer(WorkerOptions(worker_id="plans"))


def claim() -> None:
    """One lane, with the cursor somewhere in it, and without."""
    worker = claimer()
    worker.claim(100)
    worker.claim(100)


def owned() -> Any:
    return Job.objects.visible().owned_by(User.objects.get(user_id="owner1"))


def look_at_lock() -> None:
    with suppress(LockLost):
        holding.held("farm", SOMEBODYS[0], 1)


@dataclass(frozen=True)
class Query:
    """A piece of the product, the indexes its statements must use, and whether they may sort.

    Those that workers and submissions wait for use them whatever the statistics say; for a person's look at a table
    that has never been analyzed it is enough that no table is read from end to end.
    """

    work: Callable[[], Any]
    jobs: frozenset[str] = frozenset()
    letters: frozenset[str] = frozenset()
    sorts: bool = False
    always: bool = False


HALF_A_YEAR_AGO = first_uuid7(timezone.now() - timedelta(days=183))
SOMEBODYS = [UUID(int=number) for number in range(20)]
NOBODY = "018f0000-0000-7000-8000-000000000000"
LETTERS_OF_A_JOB = "job_dead_letter_queue_original_job_id"

QUERIES = {
    "claim": Query(claim, frozenset({"job_ready", "job_lanes"}), sorts=True, always=True),
    "waiting lanes": Query(lambda: claimer()._look(), frozenset({"job_ready", "job_lanes"}), sorts=True, always=True),
    "queues": Query(
        queues.snapshot, frozenset({"job_ready", "job_lanes", "job_running", "job_waiting"}), sorts=True, always=True
    ),
    "one job": Query(lambda: Job.objects.filter(pk=NOBODY).first(), frozenset({"job_queue_pkey"})),
    "what a worker over HTTP holds": Query(lambda: look_at_lock(), frozenset({"job_queue_pkey"}), always=True),
    "renewing over HTTP": Query(
        lambda: renew("farm", "w", dict.fromkeys(SOMEBODYS, 1), 60), frozenset({"job_queue_pkey"}), always=True
    ),
    "newest jobs": Query(
        lambda: list(Job.objects.visible().order_by("-id")[:PAGE]), frozenset({"job_queue_pkey"}), always=True
    ),
    "an owner's newest": Query(lambda: list(owned().order_by("-id")[:PAGE]), frozenset({"job_owner"}), always=True),
    "an owner's next page": Query(
        lambda: list(owned().filter(id__lt=HALF_A_YEAR_AGO).order_by("-id")[:PAGE]),
        frozenset({"job_owner"}),
    ),
    "what failed": Query(
        lambda: list(Job.objects.visible().filter(status__in=["failed"]).order_by("-id")[:PAGE]),
        frozenset({"job_ended_badly"}),
    ),
    "what was cancelled": Query(
        lambda: list(Job.objects.filter(is_deleted=False, status="cancelled").order_by("-id")[:PAGE]),
        frozenset({"job_ended_badly"}),
    ),
    # So many are pending that the newest of all jobs are looked through; where they are few, the other test has it.
    "what is pending, whatever it waits for": Query(
        lambda: list(Job.objects.visible().pending().order_by("-id")[:PAGE]), frozenset({"job_queue_pkey"})
    ),
    "what was deleted": Query(
        lambda: list(Job.objects.filter(is_deleted=True).order_by("-id")[:PAGE]), frozenset({"job_deleted"})
    ),
    "what runs longest": Query(
        lambda: list(Job.objects.filter(status="processing").order_by("started_at", "id")[:PAGE]),
        frozenset({"job_running"}),
    ),
    "a tag": Query(
        lambda: list(Job.objects.visible().filter(tags__contains=["tag30"]).exclude(tags=[]).order_by("-id")[:PAGE]),
        frozenset({"job_tags"}),
        sorts=True,
    ),
    "a tag, in the admin": Query(
        lambda: list(Job.objects.visible().filter(~Q(tags=[]), tags__contains=["tag30"]).order_by("-id")[:PAGE]),
        frozenset({"job_tags"}),
        sorts=True,
    ),
    "holder of a key": Query(
        lambda: holder_of("type0", "key21", None),
        frozenset({"job_unique_key"}),
        always=True,
    ),
    "submit with a key": Query(
        lambda: enqueue("bench_coroutine", {}, unique_key="k"), frozenset({"job_unique_key"}), always=True
    ),
    "submit and replace": Query(
        lambda: enqueue("bench_coroutine", {}, unique=Unique(mode="replace")),
        frozenset({"job_unique_key"}),
        always=True,
    ),
    "submit many and replace": Query(
        lambda: enqueue_many([NewJob("bench_coroutine", {}, {"unique": Unique(mode="replace")})]),
        frozenset({"job_unique_key"}),
        always=True,
    ),
    "submit many with keys": Query(
        lambda: enqueue_many([NewJob("bench_coroutine", {}, {"unique_key": "k"})]),
        frozenset({"job_unique_key"}),
        always=True,
    ),
    "does a schedule's job before go on": Query(
        lambda: Job.objects.unfinished_of(history.SCHEDULE).exists(),
        frozenset({"job_schedule_unfinished"}),
        always=True,
    ),
    "jobs that a schedule cancels": Query(
        lambda: list(Job.objects.unfinished_of(history.SCHEDULE).order_by("id").values_list("id", flat=True)[:100]),
        frozenset({"job_schedule_unfinished"}),
        always=True,
    ),
    "the jobs of a schedule's times": Query(
        lambda: submit(Schedule(id=history.SCHEDULE, job_type="bench_coroutine"), [timezone.now()]),
        frozenset({"job_once_per_tick"}),
        always=True,
    ),
    "the desk": Query(
        lambda: list(DeadLetter.objects.open().order_by("-id")[:PAGE]), letters=frozenset({"dead_letter_waiting"})
    ),
    "the desk of one type": Query(
        lambda: list(DeadLetter.objects.open().filter(job_type="rare").order_by("-id")[:PAGE]),
        letters=frozenset({"dead_letter_waiting_type"}),
        sorts=True,
    ),
    "one group": Query(
        lambda: list(DeadLetter.objects.filter(error_fingerprint=history.GROUP).order_by("-id")[:PAGE]),
        letters=frozenset({"dead_letter_fingerprint"}),
        sorts=True,
    ),
    "one letter": Query(
        lambda: DeadLetter.objects.filter(pk=NOBODY).first(), letters=frozenset({"job_dead_letter_queue_pkey"})
    ),
    "letters of a job": Query(
        lambda: list(DeadLetter.objects.filter(original_job_id=NOBODY)),
        letters=frozenset({LETTERS_OF_A_JOB}),
        sorts=True,
    ),
    "live letter of a job": Query(
        lambda: DeadLetter.objects.live().filter(original_job_id=NOBODY).exists(),
        letters=frozenset({"dead_letter_one_live_per_job"}),
    ),
    "the desk of one group": Query(
        lambda: list(DeadLetter.objects.open().filter(error_fingerprint=history.GROUP).order_by("-id")[:PAGE]),
        letters=frozenset({"dead_letter_waiting_group"}),
        sorts=True,
    ),
    "the next letter of a group": Query(
        lambda: neighbour(history.GROUP, NOBODY, newer=True),
        letters=frozenset({"dead_letter_waiting_group"}),
        sorts=True,
    ),
    "the desk of one queue": Query(
        lambda: list(DeadLetter.objects.open().filter(queue="rare").order_by("-id")[:PAGE]),
        letters=frozenset({"dead_letter_waiting_queue"}),
        sorts=True,
    ),
    "what somebody looks after": Query(
        lambda: list(DeadLetter.objects.open().filter(assignee_id=SOMEBODYS[1]).order_by("-id")[:PAGE]),
        letters=frozenset({"dead_letter_assigned"}),
        sorts=True,
    ),
    "what was redriven": Query(
        lambda: list(DeadLetter.objects.filter(resolution_status="redriven").order_by("-id")[:PAGE]),
        letters=frozenset({"dead_letter_decided"}),
        sorts=True,
    ),
    "what comes back to the desk": Query(
        triage.come_back,
        letters=frozenset({"dead_letter_ignored"}),
        sorts=True,
    ),
}


def short(names: set[str]) -> set[str]:
    """Leave out the hash that Django ends the names of its own indexes with."""
    return {LETTERS_OF_A_JOB if name.startswith(LETTERS_OF_A_JOB) else name for name in names}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_and_its_indexes(name, analyzed):
    query = QUERIES[name]
    plans = plans_of(query.work)
    jobs = set().union(*(plan.indexes("job_queue") for plan in plans))
    letters = short(set().union(*(plan.indexes("job_dead_letter_queue") for plan in plans)))
    read = set().union(*(plan.read_whole() for plan in plans))
    assert not read & {"job_queue", "job_dead_letter_queue"}
    if not analyzed and not query.always:
        return
    assert (jobs, letters) == (query.jobs, query.letters)
    if not query.sorts:
        assert not any(plan.sorts() for plan in plans)


def test_a_claim_walks_its_index_in_order(analyzed):
    """No sort below the row locks, and each bound is a bound of the index: the scan touches what it returns."""
    plans = [plan for plan in plans_of(claim) if "LockRows" in {node["Node Type"] for node in plan.nodes()}]
    assert len(plans) >= 2
    for plan in plans:
        below = list(plan.nodes("LockRows"))
        (scan,) = [node for node in below if node.get("Relation Name") == "job_queue"]
        assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", "job_ready")
        assert not plan.sorts("LockRows")
        for column in ("queue", "priority", "scheduled_at", "id"):
            assert column in scan["Index Cond"]
        # Only what is asked again of a row that had to be waited for.
        assert scan["Filter"] == "((waits_for IS NULL) AND (lane_key IS NULL) AND (status = 'pending'::text))"


def in_functions(sql: str, *arguments: Any) -> Callable[[], None]:
    def call() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {sql}", arguments)
            cursor.fetchall()

    return call


def held(count: int = 100) -> tuple[list[str], list[int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT job_id::text, lock_token FROM job_processing_locks LIMIT %s", [count])
        ids, tokens = zip(*cursor.fetchall(), strict=True)
    return list(ids), list(tokens)


OUTCOMES = {
    "complete_jobs": "complete_jobs(%s::uuid[], %s::bigint[], array_fill('1'::jsonb, ARRAY[100]))",
    "retry_jobs": (
        "retry_jobs(%s::uuid[], %s::bigint[], array_fill(1::float8, ARRAY[100]), array_fill('{}'::jsonb, ARRAY[100]),"
        " array_fill(true, ARRAY[100]))"
    ),
    "dead_letter_jobs": "dead_letter_jobs(%s::uuid[], %s::bigint[], array_fill('{}'::jsonb, ARRAY[100]))",
    "cancel_jobs": "cancel_jobs(%s::uuid[], %s::bigint[])",
    "release_jobs": "release_jobs(%s::uuid[], %s::bigint[])",
    "renew_job_locks": "renew_job_locks(%s::uuid[], %s::bigint[], '5 minutes')",
}
#: Whatever is cancelled, or has expired, takes its children along.
CASCADE = {"job_children"}
PRIMARY_KEYS = {"job_queue": {"job_queue_pkey"}, "job_processing_locks": {"job_processing_locks_pkey"}}


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("count", [1, 100])
def test_outcomes_find_their_rows_by_primary_key(name, count, analyzed):
    ids, tokens = held(count)
    sql = OUTCOMES[name].replace("[100]", f"[{count}]")
    check_primary_keys(in_functions(sql, ids, tokens), {"job_processing_locks"})


def test_a_start_finds_its_rows_by_primary_key(analyzed):
    ids = [str(pk) for pk in Job.objects.filter(status="pending", expires_at=None).values_list("pk", flat=True)[:100]]
    check_primary_keys(in_functions("start_jobs(%s::uuid[], 'w', '5 minutes')", ids), {"job_queue"})


def check_primary_keys(work, tables):
    plans = nested_plans(work)
    read = set().union(*(plan.read_whole() for plan in plans))
    assert not read & PRIMARY_KEYS.keys()
    for table, keys in PRIMARY_KEYS.items():
        used = set().union(*(plan.indexes(table) for plan in plans))
        assert used - CASCADE <= keys
        assert used or table not in tables


def test_a_worker_in_psql_follows_the_claim_index(analyzed):
    plans = nested_plans(in_functions("* FROM acquire_job_lock('w', '{type0,type1}', '5 minutes', 50)"))
    used = set().union(*(plan.indexes("job_queue") for plan in plans))
    assert used - CASCADE == {"job_ready", "job_lanes", "job_queue_pkey"}
    assert "job_queue" not in set().union(*(plan.read_whole() for plan in plans))


#: What functions read beside primary keys.
IN_FUNCTIONS = {
    "lanes": ("FROM keyed_lanes('images', 5)", frozenset({"job_lanes"})),
    "claim by turns": (
        "FROM claim_lanes('w', '1 minute', 'images', 5, NULL, 100, 50, ARRAY['', 'k:key1', 'u:somebody'],"
        " ARRAY['', 'k:', 'u:somebody'], array_fill('-infinity'::timestamptz, ARRAY[3]),"
        " array_fill('00000000-0000-0000-0000-000000000000'::uuid, ARRAY[3]))",
        frozenset({"job_lanes", "job_ready", "lock_concurrency"}),
    ),
    "what expired": ("cancel_expired_jobs()", frozenset({"job_expiry"})),
    # What KEDA and supervisors ask.
    "backlog": (
        "coalesce(sum(due + running), 0)::integer FROM queue_backlog()",
        frozenset({"job_ready", "job_lanes", "job_running", "lock_concurrency"}),
    ),
    "backlog of a queue and its types": (
        "max(age_seconds) FROM queue_backlog('{images}', '{type1}')",
        frozenset({"job_ready", "job_lanes", "job_running", "lock_concurrency"}),
    ),
}


@pytest.mark.parametrize("name", IN_FUNCTIONS)
def test_functions_of_limits_follow_their_indexes(name, analyzed):
    sql, indexes = IN_FUNCTIONS[name]
    plans = nested_plans(in_functions(sql))
    assert not set().union(*(plan.read_whole() for plan in plans)) & {"job_queue", "job_processing_locks"}
    tables = [plan.indexes(table) for plan in plans for table in ("job_queue", "job_processing_locks")]
    assert set().union(*tables) - CASCADE - {"job_queue_pkey", "job_processing_locks_pkey"} == indexes
    # Each lane is followed in the order of its index, and no further than is claimed.
    assert not any(plan.sorts("LockRows") for plan in plans)


def test_a_blocked_key_is_never_walked(analyzed):
    """Its claim reads one job of it and counts its locks; the 100,000 behind that stay untouched."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_queue (job_type, queue, concurrency_key) SELECT 't', 'blocked', 'blocked'"
            " FROM generate_series(1, 5000)"
        )
        cursor.execute(
            "INSERT INTO job_processing_locks (job_id, worker_id, expires_at, concurrency_key)"
            " VALUES (gen_random_uuid(), 'w', now() + interval '1 hour', 'blocked')"
        )
    claim_blocked = (
        "word FROM claim_lanes('w', '1 minute', 'blocked', 5, NULL, 100, 100, ARRAY['k:blocked'], ARRAY['k:'],"
        " ARRAY['-infinity'::timestamptz], ARRAY['00000000-0000-0000-0000-000000000000'::uuid])"
    )
    plans = nested_plans(in_functions(claim_blocked), analyze=True)
    rows = [node["Actual Rows"] for plan in plans for node in plan.nodes() if node.get("Relation Name") == "job_queue"]
    assert rows == [1]


#: Beside the primary key, by which rows are deleted.
PRUNED = {
    "completed": set(),
    "failed": {"job_ended_badly"},
    "cancelled": {"job_ended_badly"},
    "deleted": {"job_deleted"},
}


@pytest.mark.parametrize("kind", PRUNED)
@pytest.mark.parametrize("days", [30, 3_000])
def test_pruning_walks_its_index_in_order(kind, days, analyzed):
    plans = nested_plans(Walk(Rule(kind, timedelta(days=days))).step)
    read = set().union(*(plan.read_whole() for plan in plans))
    assert not read & {"job_queue", "job_dead_letter_queue", "job_tasks", "job_events", "job_dependencies"}
    assert set().union(*(plan.indexes("job_queue") for plan in plans)) - {"job_queue_pkey"} == PRUNED[kind]
    # What is walked over comes in the order of the index.
    walks = [plan for plan in plans if any(node["Node Type"] == "Limit" for node in plan.nodes())]
    assert walks and not any(plan.sorts() for plan in walks)
    if (kind, days) in {("completed", 30), ("failed", 30)}:
        letters = short(set().union(*(plan.indexes("job_dead_letter_queue") for plan in plans)))
        assert letters == {LETTERS_OF_A_JOB}


def test_a_rescue_reads_running_jobs_only(analyzed):
    plans = nested_plans(in_functions("cleanup_expired_locks('30 seconds')"))
    assert "job_queue" not in set().union(*(plan.read_whole() for plan in plans))
    assert set().union(*(plan.indexes("job_queue") for plan in plans)) <= {"job_running", "job_queue_pkey"}


def test_every_index_has_its_query(analyzed):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename IN ('job_queue', 'job_dead_letter_queue')"
            " AND schemaname = 'public'"
        )
        there = short({name for (name,) in cursor.fetchall()})
    inside = {name for _, indexes in IN_FUNCTIONS.values() for name in indexes if name.startswith("job_")}
    elsewhere = {"job_batch"}  # in test_composition_plans.py
    assert there == inside.union(
        elsewhere, CASCADE, *PRUNED.values(), *(query.jobs | query.letters for query in QUERIES.values())
    )
