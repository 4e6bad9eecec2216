"""No statement of a bulk operation reads a table from end to end, at 100,000 jobs."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from jobs.bulk.acts import ACTS
from jobs.bulk.beginning import begin
from jobs.bulk.by import By
from jobs.bulk.following import fate_of
from jobs.bulk.selecting import FIRST, Selection
from jobs.bulk.wishes import Wish
from jobs.models import BulkItem, BulkOperation, DeadLetter, Job
from tests.contracts import history
from tests.contracts.plans import plans_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LARGE = {"job_queue", "job_dead_letter_queue", "job_audit_log", "job_tasks", "job_bulk_items", "job_bulk_chunks"}


@pytest.fixture(scope="module", autouse=True)
def laid(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Lay the history once for all tests of this file, and take it back."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            history.lay(True)
            yield
            transaction.set_rollback(True)


SELECTIONS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("job", {}, {"job_queue_pkey"}),
    ("job", {"status": ["failed"]}, {"job_ended_badly"}),
    ("job", {"deleted": True}, {"job_deleted"}),
    ("job", {"type": "rare"}, {"job_queue_pkey"}),
    ("job", {"status": ["pending"], "queue": "mail"}, {"job_queue_pkey"}),
    ("job", {"q": "error_message:refused OR tags:tag7"}, {"job_queue_pkey"}),
    ("dead_letter", {}, {"dead_letter_waiting"}),
    # Where most letters are of one type, those of all serve as well.
    ("dead_letter", {"type": "type1"}, {"dead_letter_waiting_type", "dead_letter_waiting"}),
    ("dead_letter", {"fingerprint": history.GROUP}, {"dead_letter_waiting_group", "dead_letter_fingerprint"}),
]


@pytest.mark.parametrize(("target", "wanted", "indexes"), SELECTIONS)
def test_a_window_is_walked_by_an_index(target: str, wanted: dict[str, Any], indexes: set[str]) -> None:
    table = "job_queue" if target == "job" else "job_dead_letter_queue"
    middle = Selection(target, {"filter": wanted}).window(FIRST, 20).reached or FIRST
    plans = plans_of(lambda: Selection(target, {"filter": wanted}).window(middle, 200))
    for plan in plans:
        assert not plan.read_whole() & LARGE, wanted
    assert set().union(*(plan.indexes(table) for plan in plans)) & indexes, wanted


@pytest.mark.parametrize(("target", "action"), list(ACTS))
def test_a_chunk_is_acted_on_by_keys(target: str, action: str) -> None:
    model: Any = Job if target == "job" else DeadLetter
    rows = DeadLetter.objects.open() if target == "dead_letter" else Job.objects.filter(status="failed")
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:200]) or list(
        model.objects.order_by("pk").values_list("pk", flat=True)[:200]
    )
    by = By(User.objects.get(user_id="owner1"), "owner1", "plans", ids[0])
    arguments = {"priority": 9} if action == "priority" else {}
    for plan in plans_of(lambda: ACTS[target, action].many(ids, by, arguments)):
        assert not plan.read_whole() & LARGE


def test_looking_at_operations_reads_no_history() -> None:
    operation = begin(Wish("dead_letter", "redrive", {"filter": {}}), None)
    ids = list(Job.objects.order_by("pk").values_list("pk", flat=True)[:5_000])

    def look() -> None:
        list(BulkOperation.objects.live().order_by("-id")[:4])
        list(BulkItem.objects.filter(operation=operation).order_by("-id")[:50])
        fate_of(ids)

    live, items, fate = plans_of(look)
    assert "bulk_operation_live" in live.indexes("job_bulk_operations") or live.read_whole() == {"job_bulk_operations"}
    assert not items.read_whole() & LARGE and not fate.read_whole() & LARGE
