"""Retention: what ended long ago goes, what waits for a person stays."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.uuid7 import first_uuid7
from jobs import dead_letters
from jobs.models import AuditEntry, DeadLetter, DeadLetterGroup, Job, Task
from jobs.statuses import FINAL, Status
from jobs.worker import maintenance
from jobs.worker.maintenance import prune_jobs
from tests.jobs.rows import dead_letter, finish
from tests.jobs.states import beside, job_in

pytestmark = pytest.mark.django_db

DAYS = 30


def aged(job: Job, days: float) -> Job:
    """Make a job as if it had been made, and had ended, so long ago."""
    then = timezone.now() - timedelta(days=days)
    with connection.cursor() as cursor:
        # Triggers and constraints off: time is what is made up here.
        cursor.execute("SET session_replication_role = replica")
        text = f"{first_uuid7(then).int | job.pk.int & (1 << 60) - 1:032x}"
        cursor.execute("UPDATE job_queue SET id = %s, updated_at = %s WHERE id = %s", [text, then, job.pk])
        cursor.execute(
            "UPDATE job_dead_letter_queue SET original_job_id = %s WHERE original_job_id = %s", [text, job.pk]
        )
        cursor.execute("UPDATE job_tasks SET job_id = %s WHERE job_id = %s", [text, job.pk])
        cursor.execute("SET session_replication_role = origin")
    return Job.objects.get(pk=text)


@pytest.mark.parametrize("status", Status)
def test_only_what_has_ended_goes(status, actor):
    job = aged(job_in(status, actor), DAYS + 2)
    assert prune_jobs(DAYS) == int(status in FINAL)
    assert Job.objects.filter(pk=job.pk).exists() is (status not in FINAL)


@pytest.mark.parametrize(("age", "goes"), [(0, False), (DAYS - 0.1, False), (DAYS + 0.1, True), (DAYS * 10, True)])
def test_it_goes_after_its_days(note, age, goes):
    aged(finish(note.enqueue().fetch()), age)
    assert prune_jobs(DAYS) == int(goes)


def test_an_old_job_that_ended_lately_stays(note):
    job = aged(finish(note.enqueue().fetch()), DAYS + 2)
    Job.objects.filter(pk=job.pk).update(metadata={"looked": "at"})
    assert prune_jobs(DAYS) == 0


def test_nothing_goes_when_history_is_kept_for_ever(note):
    aged(finish(note.enqueue().fetch()), 10_000)
    assert prune_jobs(0) == 0
    assert Job.objects.exists()


def test_an_open_dead_letter_is_never_pruned(note):
    job = aged(dead_letter(note.enqueue().fetch()).original_job, 10_000)
    assert prune_jobs(1) == 0
    assert DeadLetter.objects.open().get().original_job == job


def test_a_settled_dead_letter_goes_with_its_job(note, actor):
    settled, waits = (dead_letter(note.enqueue(n=n).fetch()) for n in range(2))
    dead_letters.discard(settled.pk, actor)
    Task.objects.create(job=settled.original_job, name="step")
    aged(settled.original_job, DAYS + 2)
    assert prune_jobs(DAYS) == 1
    assert list(DeadLetter.objects.all()) == [waits]
    assert not Task.objects.exists()
    group = DeadLetterGroup.objects.get()
    assert (group.open_count, group.total_count) == (1, 1)
    assert AuditEntry.objects.filter(target_id=str(settled.pk)).exists(), "who did it is kept"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_batch_by_batch_from_the_oldest(note, monkeypatch):
    monkeypatch.setattr(maintenance, "PRUNE_AT_ONCE", 2)
    jobs = [aged(finish(note.enqueue().fetch()), DAYS + days) for days in (5, 9, 7)]
    assert prune_jobs(DAYS) == 2
    assert Job.objects.get() == jobs[0]
    assert prune_jobs(DAYS) == 1


@pytest.mark.django_db(transaction=True)
def test_a_job_that_someone_holds_is_left_for_the_next_round(note):
    held, free = (aged(finish(note.enqueue().fetch()), DAYS + 2) for _ in range(2))
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=held.pk)
        assert beside(in_transaction)() == 1
    assert Job.objects.get() == held
    assert not Job.objects.filter(pk=free.pk).exists()


def in_transaction():
    with transaction.atomic():
        return prune_jobs(DAYS)
