"""Acts on many jobs: what they do, whom they leave alone and why."""

from typing import Any

import pytest

from jobs import control
from jobs.bulk.wishes import Wish
from jobs.exceptions import InvalidOption
from jobs.models import AuditEntry, BulkItem, Job
from jobs.statuses import Status
from tests.jobs.bulk.conftest import Begin, counts, work
from tests.jobs.rows import new_job, start
from tests.jobs.states import job_in

pytestmark = pytest.mark.django_db

STATES = [status for status in Status if status != Status.PROCESSING]


def ids(*jobs: Job) -> dict[str, Any]:
    return {"ids": [str(job.pk) for job in jobs]}


def each(operator: Any) -> dict[Status, Job]:
    return {status: job_in(status, operator) for status in STATES}


@pytest.mark.parametrize(
    ("action", "arguments", "fits", "after"),
    [
        ("cancel", {}, {Status.PENDING}, {"status": Status.CANCELLED}),
        ("retry", {}, {Status.PENDING, Status.FAILED, Status.CANCELLED}, {"status": Status.PENDING}),
        ("priority", {"priority": 9}, {Status.PENDING}, {"priority": 9}),
        ("delete", {}, set(STATES) - {Status.DEAD_LETTER}, {"is_deleted": True}),
    ],
)
def test_by_status(
    begun: Begin, operator: Any, action: str, arguments: dict[str, Any], fits: set[Status], after: dict[str, Any]
) -> None:
    jobs = each(operator)
    operation = work(begun("job", action, ids(*jobs.values()), arguments=arguments, reason="why"))
    assert counts(operation) == (len(fits), len(STATES) - len(fits), 0)
    for status, job in jobs.items():
        before = job.version
        job.refresh_from_db()
        if status in fits:
            assert {name: getattr(job, name) for name in after} == after, status
        else:
            assert job.version == before, f"{status} was left alone"
    told = dict(BulkItem.objects.values_list("target_id", "reason"))
    assert set(told) == {job.pk for status, job in jobs.items() if status not in fits}
    entries = AuditEntry.objects.filter(reason="why", target_type="job")
    assert {entry.target_id for entry in entries} == {str(job.pk) for status, job in jobs.items() if status in fits}
    assert all(entry.details["bulk_operation"] == str(operation.pk) for entry in entries)


def test_a_running_job_is_asked_to_stop_and_its_children_go_with_a_parent(begun: Begin, operator: Any) -> None:
    running, parent = new_job("note"), new_job("note")
    start(running)
    child = new_job("note", parent=parent)
    operation = work(begun("job", "cancel", ids(running, parent)))
    assert counts(operation) == (2, 0, 0)
    running.refresh_from_db()
    assert running.status == Status.PROCESSING and running.cancel_requested_at
    assert set(Job.objects.filter(pk__in=[parent.pk, child.pk]).values_list("status", flat=True)) == {Status.CANCELLED}
    # Of rows that were done one by one, too.
    for row in (running, parent):
        [entry] = AuditEntry.objects.filter(target_id=str(row.pk), action="cancel")
        assert entry.details["bulk_operation"] == str(operation.pk)


def test_deleted_ones_are_restored(begun: Begin, operator: Any) -> None:
    job, shown = job_in(Status.COMPLETED, operator), job_in(Status.COMPLETED, operator)
    control.soft_delete(job.pk, operator)
    assert counts(work(begun("job", "restore", {"filter": {"deleted": True}}))) == (1, 0, 0)
    assert counts(work(begun("job", "restore", ids(shown)))) == (0, 1, 0)
    assert Job.objects.visible().filter(pk=job.pk).exists()


@pytest.mark.parametrize(
    ("wish", "option"),
    [
        (Wish("worker", "cancel", {"filter": {}}), "target"),
        (Wish("job", "redrive", {"filter": {}}), "action"),
        (Wish("job", "cancel", {}), "selector"),
        (Wish("job", "cancel", {"ids": [], "filter": {}}), "selector"),
        (Wish("job", "cancel", {"ids": ["x"]}), "selector/ids"),
        (Wish("job", "cancel", {"filter": {"colour": "red"}}), "selector/filter/colour"),
        (Wish("job", "cancel", {"filter": {"q": "status:("}}), "selector/filter/q"),
        (Wish("job", "cancel", {"filter": {"created_after": "yesterday"}}), "selector/filter/created_after"),
        (Wish("job", "cancel", {"filter": {"status": ["asleep"]}}), "selector/filter/status"),
        (Wish("job", "priority", {"filter": {}}), "arguments"),
        (Wish("job", "priority", {"filter": {}}, {"priority": 101}), "arguments/priority"),
        (Wish("dead_letter", "redrive", {"filter": {}}, {"queue": "."}), "arguments/queue"),
        (Wish("job", "cancel", {"filter": {}}, {"x": 1}), "arguments/x"),
        (Wish("job", "cancel", {"filter": {}}, rate_per_second=float("inf")), "rate_per_second"),
        (Wish("job", "cancel", {"filter": {}}, max_items=0), "max_items"),
        (Wish("job", "cancel", {"filter": {}}, canary=1_001), "canary"),
        (Wish("job", "cancel", {"filter": {}}, canary_proceeds=True), "canary_proceeds"),
        (Wish("job", "cancel", {"filter": {}}, reason="\x00"), "reason"),
    ],
)
def test_what_cannot_be_wished_for(wish: Wish, option: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        wish.checked()
    assert refused.value.option == option
