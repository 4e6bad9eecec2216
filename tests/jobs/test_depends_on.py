"""Jobs that wait for other jobs, and what becomes of them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.uuid7 import uuid7
from jobs import control, dead_letters
from jobs.enqueue import After, NewJob, enqueue, enqueue_each, enqueue_many
from jobs.exceptions import InvalidOption, InvalidPayload, UnknownDependency
from jobs.models import Dependency, Job, ReleaseCheck
from jobs.releasing import release_waiting
from tests.jobs import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _note(note: Any) -> None:
    """All jobs here are notes."""


def submit(**options: Any) -> UUID:
    return enqueue("note", {}, **options).id


def state(job_id: UUID) -> tuple[str, str | None]:
    release_waiting()
    job = Job.objects.get(pk=job_id)
    return job.status, job.waits_for


def end(job_id: UUID, status: str) -> None:
    """Bring a pending job to one of the ways to end."""
    job = Job.objects.get(pk=job_id)
    if status == "completed":
        rows.finish(job)
    elif status == "cancelled":
        control.cancel(job.pk, None)
    else:
        rows.fail(job, retryable=False)
        if status == "failed":
            dead_letters.discard(job.dead_letters.get().pk, None)


ENDS = {
    ("completed", "completed"): ("pending", None),
    ("completed", "failed"): ("cancelled", "jobs"),
    ("completed", "cancelled"): ("cancelled", "jobs"),
    ("completed", "dead_letter"): ("pending", "jobs"),
    ("failed", "completed"): ("cancelled", "jobs"),
    ("failed", "failed"): ("pending", None),
    ("failed", "cancelled"): ("cancelled", "jobs"),
    ("failed", "dead_letter"): ("pending", None),
    ("ended", "completed"): ("pending", None),
    ("ended", "failed"): ("pending", None),
    ("ended", "cancelled"): ("pending", None),
    ("ended", "dead_letter"): ("pending", None),
}


@pytest.mark.parametrize(("condition", "status"), ENDS)
def test_a_dependent_job_runs_waits_or_is_cancelled(condition: str, status: str) -> None:
    first = submit()
    second = submit(depends_on=[After(first, condition)])
    assert state(second) == ("pending", "jobs")
    end(first, status)
    assert state(second) == ENDS[condition, status]


@pytest.mark.parametrize(("condition", "status"), ENDS)
def test_a_dependency_that_has_ended_is_settled_on_the_spot(condition: str, status: str) -> None:
    first = submit()
    end(first, status)
    job = Job.objects.get(pk=submit(depends_on=[After(first, condition)]))
    assert (job.status, job.waits_for) == ENDS[condition, status]


def test_says_why_it_was_cancelled() -> None:
    first = submit()
    second = submit(depends_on=[first])
    end(first, "cancelled")
    release_waiting()
    for job_id in (second, submit(depends_on=[first])):
        job = Job.objects.get(pk=job_id)
        assert job.error_message == f"It depends on job {first}, which ended as cancelled."
        assert job.error_details["kind"] == "dependency"


@pytest.mark.parametrize("by_then", ["pending", "completed"])
def test_says_so_if_the_other_one_was_put_back_before_anybody_looked(by_then: str) -> None:
    first = submit()
    second = submit(depends_on=[first])
    release_waiting()
    end(first, "cancelled")
    control.retry(first, None)
    if by_then == "completed":
        end(first, "completed")
    assert state(second)[0] == "cancelled"
    words = f"It depends on job {first}, which ended otherwise and was put back since."
    assert Job.objects.get(pk=second).error_message == words


def test_waits_for_all_of_them() -> None:
    first, second, third = submit(), submit(), submit()
    last = submit(depends_on=[first, str(second), Job.objects.get(pk=third)])
    for job_id in (second, first):
        end(job_id, "completed")
        assert state(last) == ("pending", "jobs")
    end(third, "completed")
    assert state(last) == ("pending", None)


def test_one_that_cannot_be_met_is_enough_to_be_cancelled() -> None:
    first, second = submit(), submit()
    last = submit(depends_on=[first, second])
    end(first, "cancelled")
    assert state(last)[0] == "cancelled"
    end(second, "completed")
    assert state(last)[0] == "cancelled"


def test_a_chain_falls_in_one_look() -> None:
    chain = [submit()]
    for _ in range(30):
        chain.append(submit(depends_on=[chain[-1]]))
    end(chain[0], "cancelled")
    release_waiting()
    assert set(Job.objects.filter(pk__in=chain).values_list("status", flat=True)) == {"cancelled"}
    assert not ReleaseCheck.objects.exists()


def test_a_released_job_is_due_now_and_its_lane_is_told() -> None:
    first = submit()
    second = submit(depends_on=[first], queue="later", priority=7)
    end(first, "completed")
    assert release_waiting().lanes == {("later", 7)}
    job = Job.objects.get(pk=second)
    assert job.scheduled_at >= Job.objects.get(pk=first).completed_at


def test_a_redriven_dead_letter_takes_its_dependents_along() -> None:
    first = submit()
    second = submit(depends_on=[first])
    end(first, "dead_letter")
    assert state(second) == ("pending", "jobs")
    dead_letters.redrive(Job.objects.get(pk=first).dead_letters.get().pk, None)
    assert state(second) == ("pending", "jobs")
    end(first, "completed")
    assert state(second) == ("pending", None)


def test_on_failure_runs_only_if_the_job_fails_for_good(actor: Any) -> None:
    good = submit(on_failure=NewJob("note", {"alarm": True}), user=actor)
    bad = submit(on_failure=NewJob("note", {"alarm": True}), user=actor)
    alarms = [Dependency.objects.get(depends_on=job_id).job_id for job_id in (good, bad)]
    assert Job.objects.get(pk=alarms[0]).user == actor
    end(good, "completed")
    end(bad, "dead_letter")
    assert [state(alarm) for alarm in alarms] == [("cancelled", "jobs"), ("pending", None)]


def test_on_failure_can_have_one_of_its_own() -> None:
    submit(on_failure=NewJob("note", {"n": 1}, {"on_failure": NewJob("note", {"n": 2})}))
    by_n = {job.payload.get("n"): job.pk for job in Job.objects.all()}
    edges = set(Dependency.objects.values_list("job_id", "depends_on_id", "condition"))
    assert edges == {(by_n[1], by_n[None], "failed"), (by_n[2], by_n[1], "failed")}


def test_a_job_of_a_unique_key_stays_as_it_is() -> None:
    first, second = submit(), submit(unique_key="k")
    again = enqueue("note", {}, unique_key="k", depends_on=[first], on_failure=NewJob("note", {}))
    assert (again.id, again.created) == (second, False)
    assert Job.objects.count() == 2
    assert not Dependency.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depends_on": "x"}, "must be a list of jobs"),
        ({"depends_on": 3}, "must be a list of jobs"),
        ({"depends_on": ["x"]}, "must name a job"),
        ({"depends_on": [After(uuid4(), "never")]}, "condition other than completed, failed, ended"),
        ({"depends_on": [UUID(int=1), After(UUID(int=1), "ended")]}, "two conditions"),
        ({"depends_on": [UUID(int=n) for n in range(1_001)]}, "at most 1,000"),
        ({"on_failure": "note"}, r"must be a NewJob"),
        ({"on_failure": NewJob("note", {}, {"unique_key": "k"})}, "on_failure/unique_key"),
        ({"on_failure": NewJob("note", {}, {"priority": 900})}, "on_failure/priority"),
    ],
)
def test_refuses(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        submit(**options)
    assert not Job.objects.exists()


def test_refuses_endless_fallbacks() -> None:
    new = NewJob("note", {})
    for _ in range(12):
        new = NewJob("note", {}, {"on_failure": new})
    with pytest.raises(InvalidOption, match="at most 10 deep"):
        submit(on_failure=new)


def test_points_into_the_payload_of_a_fallback(register: Any) -> None:
    register("narrow", lambda ctx, n: n, schema={"type": "object", "required": ["n"]})
    with pytest.raises(InvalidPayload) as raised:
        submit(on_failure=NewJob("narrow", {}))
    assert raised.value.field == "on_failure/payload"


@pytest.mark.parametrize("option", ["depends_on", "parent"])
def test_refuses_jobs_that_are_not_there(option: str) -> None:
    gone = uuid7()
    hidden = submit()
    end(hidden, "completed")
    control.soft_delete(hidden, None)
    for job_id in (gone, hidden):
        with pytest.raises(UnknownDependency, match=str(job_id)):
            submit(**{option: [job_id] if option == "depends_on" else job_id})


def test_of_many_each_says_what_is_missing() -> None:
    first, gone = submit(), uuid7()
    news = [NewJob("note", {}, {"depends_on": [each]}) for each in (first, gone)]
    done, refused = enqueue_each(news)
    assert isinstance(refused, UnknownDependency)
    assert Dependency.objects.get().job_id == done.id  # type: ignore[union-attr]
    with pytest.raises(UnknownDependency):
        enqueue_many(news)
    assert [each.created for each in enqueue_many([news[0], NewJob("note", {})])] == [True, True]


def test_the_rule_is_written_once() -> None:
    with connection.cursor() as cursor:
        for (condition, status), (ended, waits) in ENDS.items():
            cursor.execute("SELECT dependency_status(%s, %s)", [condition, status])
            word = "unmet" if ended == "cancelled" else "open" if waits else "met"
            assert cursor.fetchone() == (word,)


def test_a_retried_job_waits_again_for_what_may_still_be_met() -> None:
    first = submit()
    second = submit(depends_on=[first])
    end(first, "cancelled")
    assert state(second)[0] == "cancelled"
    control.retry(first, None)
    control.retry(second, None)
    assert state(second) == ("pending", "jobs")
    end(first, "completed")
    assert state(second) == ("pending", None)


def test_a_retried_job_waits_for_nothing_that_cannot_be_met() -> None:
    first = submit()
    second = submit(depends_on=[first])
    end(first, "cancelled")
    assert state(second)[0] == "cancelled"
    control.retry(second, None)
    assert state(second) == ("pending", None)
