"""What the sync asks is answered by the indexes of PostgreSQL, at 100,000 jobs, whether all changed or a few."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from jobs.models import Job, SearchSlot
from jobs.models.search_slot import SLOTS
from jobs.search.sync import slots, state
from jobs.search.sync.dirty import dirty
from jobs.search.sync.enabling import _MAKE_INDEX
from jobs.search.sync.marking import mark
from jobs.search.sync.sending import Outcomes
from jobs.search.sync.slots import Held
from tests.contracts import history
from tests.contracts.plans import Plan, plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SLOT = Held(1, 1, ())


@pytest.fixture(scope="module")
def _laid(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        history.lay(analyzed=False)
        # As `manage.py search enable` does it.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_MAKE_INDEX.replace("CONCURRENTLY ", ""))
        cursor.execute("ANALYZE job_queue")
        SearchSlot.objects.bulk_create([SearchSlot(number=number) for number in range(SLOTS)])
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module", params=["all changed", "few changed"])
def changed(request: pytest.FixtureRequest, _laid: None, django_db_blocker: Any) -> None:
    if request.param == "few changed":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            # The statistics are still those of the time when all were to be sent.
            cursor.execute("UPDATE job_queue SET es_sync_version = version WHERE status = 'completed'")


def mark_some() -> None:
    mark(Outcomes(sent=dict.fromkeys(Job.objects.order_by("id").values_list("pk", flat=True)[:500], 1)))


ASKED: dict[str, tuple[Callable[[], object], str]] = {
    "slots with work": (lambda: slots.with_work(0.25), "job_search_dirty"),
    "what changed": (lambda: dirty(SLOT, 0.25, 500, [(job, 1) for job in _some()]), "job_search_dirty"),
    "marks": (mark_some, "job_queue_pkey"),
}


def _some() -> list[Any]:
    return list(Job.objects.order_by("id").values_list("pk", flat=True)[:20])


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize("what", ASKED)
def test_the_sync_reads_no_table_from_end_to_end(what: str) -> None:
    work, index = ASKED[what]
    plans = plans_of(work)
    used = set().union(*(plan.indexes("job_queue") for plan in plans))
    assert index in used, [plan.root for plan in plans]
    assert "job_queue" not in set().union(*(plan.read_whole() for plan in plans)), [plan.root for plan in plans]


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize("most", [1, state.MOST_COUNTED])
def test_what_is_still_to_be_sent_is_counted_by_the_index(most: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # As the code does.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {state._FIGURES}", {"most": most})
        ((found,),) = cursor.fetchall()
        transaction.set_rollback(True)
    plan = Plan((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])
    assert plan.indexes("job_queue") == {"job_search_dirty"}
