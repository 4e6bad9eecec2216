from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs import workers
from jobs.exceptions import InvalidState
from jobs.models import AuditEntry, Worker
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def worker(name="a", silent=timedelta(0), **fields):
    return Worker.objects.create(
        id=name, hostname="host", pid=1, concurrency=5, heartbeat_at=now() - silent, **{"queues": [], **fields}
    )


def test_a_wish_is_kept_beside_who_had_it_and_why():
    row, actor = worker(), UserFactory(user_id="hana")
    assert workers.quiet(row.pk, actor, "noisy neighbours").condition == "quiet"
    assert workers.wake(row.pk, actor).condition == "alive"
    drained = workers.drain(row.pk, actor, "a new kernel")
    assert (drained.condition, drained.wish, drained.wished_by) == ("draining", "drain", "hana")
    workers.drain(row.pk, actor, "again")
    entries = AuditEntry.objects.filter(target_type="worker", target_id=row.pk).order_by("id")
    told = list(entries.values_list("action", "reason"))
    assert told == [("quiet", "noisy neighbours"), ("wake", ""), ("drain", "a new kernel")]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"wish": "drain"}, "draining"),
        ({"stopping_at": now()}, "draining"),
        ({"silent": timedelta(minutes=5)}, "silent"),
        ({"stopped_at": now()}, "stopped"),
    ],
)
def test_what_will_not_hear_of_it_is_asked_nothing(fields, state):
    row = worker(**fields)
    with pytest.raises(InvalidState) as error:
        workers.quiet(row.pk, None)
    assert error.value.current == state and not AuditEntry.objects.exists()


def test_only_those_that_claim_are_listened_to():
    worker("a")
    worker("b", wish="quiet")
    worker("c", silent=timedelta(minutes=5))
    worker("d", stopping_at=now())
    assert list(Worker.objects.listening().values_list("pk", flat=True)) == ["a"]
