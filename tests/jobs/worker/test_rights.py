from typing import Any

import pytest

from jobs.enqueue import enqueue
from jobs.exceptions import LanguageNotAllowed
from jobs.outcomes import DeadLettered
from jobs.worker.claiming import Claimer
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand
from jobs.worker.heartbeat import Heartbeat
from jobs.worker.options import WorkerOptions
from jobs.worker.rights import refuse_barred
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
OPTIONS = WorkerOptions(worker_id="rights")


def heartbeat() -> Heartbeat:
    def never(attempt: Any) -> None:
        raise AssertionError("nothing runs")

    return Heartbeat(OPTIONS, Hand(), Counts(), never, never)


def test_a_worker_refuses_the_jobs_of_barred_owners_only(note):
    owner = UserFactory()
    refused, kept, systems = (
        enqueue("note", {}, user=owner),
        enqueue("note", {}, user=UserFactory()),
        enqueue("note", {}),
    )
    owner.allowed_languages = ["node"]
    owner.save()
    beating = heartbeat()
    beating.beat()
    attempts = Claimer(OPTIONS).claim(10)
    beating.hand.take(attempts)
    left = refuse_barred(beating.hand, attempts, beating.barred)
    assert {attempt.id for attempt in left} == {str(kept.id), str(systems.id)}
    ((attempt, outcome),) = beating.hand.outcomes
    assert attempt.id == str(refused.id)
    assert isinstance(outcome, DeadLettered)
    assert (outcome.error["error_class"], outcome.error["kind"]) == (LanguageNotAllowed.__name__, "non_retryable")


def test_rights_given_back_count_from_the_next_beat():
    owner = UserFactory(allowed_languages=["node"])
    beating = heartbeat()
    beating.beat()
    assert beating.barred == {str(owner.pk)}
    owner.allowed_languages = []
    owner.save()
    beating.beat()
    assert not beating.barred
