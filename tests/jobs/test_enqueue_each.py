from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.enqueue import Enqueued, NewJob, enqueue, enqueue_each
from jobs.exceptions import InvalidOption, InvalidPayload, NoneSubmitted, UnknownJobType
from jobs.models import Job
from jobs.options import Options
from jobs.registry import JobType, registry

pytestmark = pytest.mark.django_db


def number(ctx: Any, n: int) -> int:
    return n


@pytest.fixture(autouse=True)
def number_type() -> Iterator[None]:
    registry.add(JobType("number", number))
    yield
    registry.remove("number")


def mixed() -> list[NewJob]:
    return [
        NewJob("number", {"n": 1}),
        NewJob("number", {"n": "one"}),
        NewJob("nobody", {}),
        NewJob("number", {"n": 2}, Options(unique_key="k")),
        NewJob("number", {"n": 3}, Options(priority=500)),
        NewJob("number", {"n": 4}, Options(unique_key="k")),
        NewJob("number", {"n": 5}),
    ]


def test_good_jobs_are_submitted_and_errors_stand_in_the_places_of_the_others() -> None:
    answers = enqueue_each(mixed())

    kinds = [type(answer) for answer in answers]
    assert kinds == [Enqueued, InvalidPayload, UnknownJobType, Enqueued, InvalidOption, Enqueued, Enqueued]
    first, holder, again, last = (answer for answer in answers if isinstance(answer, Enqueued))
    assert (holder.created, again) == (True, Enqueued(holder.id, created=False))
    assert {job.id: job.payload["n"] for job in Job.objects.all()} == {first.id: 1, holder.id: 2, last.id: 5}


def test_all_or_none_names_every_error_and_submits_nothing() -> None:
    with pytest.raises(NoneSubmitted) as caught:
        enqueue_each(mixed(), all_or_none=True)

    assert {index: type(error) for index, error in caught.value.errors.items()} == {
        1: InvalidPayload,
        2: UnknownJobType,
        4: InvalidOption,
    }
    assert not Job.objects.exists()
    assert len(enqueue_each([mixed()[0]], all_or_none=True)) == 1


def test_no_job_is_scheduled_further_than_a_year_ahead() -> None:
    with pytest.raises(InvalidOption, match="one year"):
        enqueue("number", {"n": 1}, scheduled_at=timezone.now() + timedelta(days=367))
    enqueue("number", {"n": 1}, scheduled_at=timezone.now() + timedelta(days=365))


@pytest.mark.parametrize("name", [".", "..", ".hidden"])
def test_no_queue_has_a_name_that_would_change_its_address(name: str) -> None:
    with pytest.raises(InvalidOption):
        enqueue("number", {"n": 1}, queue=name)
