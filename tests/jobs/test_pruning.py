"""Retention: what ended long ago goes, what waits for a person stays."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.uuid7 import first_uuid7
from jobs import control, dead_letters, retention
from jobs.batches import enqueue_batch
from jobs.enqueue import NewJob
from jobs.models import AuditEntry, Batch, Chore, DeadLetter, DeadLetterGroup, Dependency, Event, Job, Task
from jobs.retention import Rule, Walk
from jobs.statuses import FINAL, Status
from tests.database_roles import working_as
from tests.jobs.rows import dead_letter, finish
from tests.jobs.states import beside, job_in

pytestmark = pytest.mark.django_db

DAYS = 30
CHILDREN = {
    "job_dead_letter_queue": ("original_job_id",),
    "job_tasks": ("job_id",),
    "job_events": ("job_id",),
    "job_dependencies": ("job_id", "depends_on_id"),
}


def aged(job: Job, days: float, ended: float | None = None) -> Job:
    """Make a job as if it had been made so long ago, and had ended then, or as long ago as that."""
    made = timezone.now() - timedelta(days=days)
    then = made if ended is None else timezone.now() - timedelta(days=ended)
    with connection.cursor() as cursor:
        # Triggers and constraints off: time is what is made up here.
        cursor.execute("SET session_replication_role = replica")
        text = f"{first_uuid7(made).int | job.pk.int & (1 << 60) - 1:032x}"
        cursor.execute("UPDATE job_queue SET id = %s, updated_at = %s WHERE id = %s", [text, then, job.pk])
        for table, columns in CHILDREN.items():
            for column in columns:
                cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {column} = %s", [text, job.pk])
        cursor.execute("SET session_replication_role = origin")
    return Job.objects.get(pk=text)


def prune(days: float = DAYS) -> int:
    return sum(retention.prune([Walk(Rule(kind, timedelta(days=days))) for kind in retention.KINDS]))


@pytest.mark.parametrize("status", Status)
def test_only_what_has_ended_goes(status, actor):
    job = aged(job_in(status, actor), DAYS + 2)
    assert prune() == int(status in FINAL)
    assert Job.objects.filter(pk=job.pk).exists() is (status not in FINAL)


@pytest.mark.parametrize(("age", "goes"), [(0, False), (DAYS - 0.1, False), (DAYS + 0.1, True), (DAYS * 10, True)])
def test_it_goes_after_its_days(note, age, goes):
    aged(finish(note.enqueue().fetch()), age)
    assert prune() == int(goes)


def test_an_old_job_that_ended_lately_stays(note):
    job = aged(finish(note.enqueue().fetch()), DAYS + 2)
    Job.objects.filter(pk=job.pk).update(metadata={"looked": "at"})
    assert prune() == 0


def test_nothing_goes_when_history_is_kept_for_ever(note, settings):
    settings.JOB_QUEUE_RETENTION_DAYS = 0
    aged(finish(note.enqueue().fetch()), 10_000)
    assert retention.rules() == []
    assert retention.tidy() == 0
    assert Job.objects.exists()


def test_each_status_has_its_days(settings, actor):
    settings.JOB_QUEUE_RETENTION_DAYS = 10
    settings.JOB_QUEUE_RETENTION_COMPLETED_DAYS = 2
    settings.JOB_QUEUE_RETENTION_CANCELLED_DAYS = 0
    settings.JOB_QUEUE_RETENTION_DELETED_DAYS = 5
    jobs = {status: aged(job_in(status, actor), 6) for status in FINAL}
    deleted = job_in(Status.CANCELLED, actor)
    control.soft_delete(deleted.pk, actor)
    aged(deleted, 6)
    assert retention.tidy() == 2
    assert set(Job.objects.values_list("pk", flat=True)) == {jobs[Status.FAILED].pk, jobs[Status.CANCELLED].pk}


def test_an_open_dead_letter_is_never_pruned(note):
    job = aged(dead_letter(note.enqueue().fetch()).original_job, 10_000)
    assert prune(1) == 0
    assert DeadLetter.objects.open().get().original_job == job


def test_a_settled_dead_letter_goes_with_its_job(note, actor):
    settled, waits = (dead_letter(note.enqueue(n=n).fetch()) for n in range(2))
    dead_letters.discard(settled.pk, actor)
    Task.objects.create(job=settled.original_job, name="step")
    Event.objects.create(job=settled.original_job, name="approved")
    aged(settled.original_job, DAYS + 2)
    assert prune() == 1
    assert list(DeadLetter.objects.all()) == [waits]
    assert not Task.objects.exists() and not Event.objects.exists()
    group = DeadLetterGroup.objects.get()
    assert (group.open_count, group.total_count) == (1, 1)
    assert AuditEntry.objects.filter(target_id=str(settled.pk)).exists(), "who did it is kept"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_dependencies_and_batches_go_with_the_last_that_needs_them(note):
    first, second = (note.enqueue(n=n).fetch() for n in (1, 2))
    waits = note.enqueue(n=3, depends_on=[first.pk]).fetch()
    finish(second)
    batch = enqueue_batch([NewJob("note", {"n": 4}), NewJob("note", {"n": 5})])
    members = [aged(finish(one.fetch()), DAYS + days) for one, days in zip(batch.jobs, (2, 1), strict=True)]
    old = aged(finish(first), DAYS + 3)
    assert Dependency.objects.filter(depends_on=old).exists()
    Walk(Rule("completed", timedelta(days=DAYS))).step(at_once=2)
    assert not Dependency.objects.exists()
    assert set(Job.objects.values_list("pk", flat=True)) == {second.pk, waits.pk, members[1].pk}
    assert Batch.objects.exists()
    assert prune() == 1
    assert not Batch.objects.exists()


def test_step_by_step_from_the_oldest(note):
    jobs = [aged(finish(note.enqueue().fetch()), DAYS + days) for days in (5, 9, 7)]
    walk = Walk(Rule("completed", timedelta(days=DAYS)))
    assert walk.step(at_once=2) == 2
    assert Job.objects.get() == jobs[0]
    assert not walk.at_end
    assert walk.step(at_once=2) == 1
    assert walk.at_end


def test_a_run_goes_on_where_the_last_one_was(note, settings):
    settings.JOB_QUEUE_RETENTION_DAYS = DAYS
    Chore.objects.create(name=retention.CHORE)
    late = aged(finish(note.enqueue().fetch()), DAYS + 5, ended=DAYS - 1)
    old = aged(finish(note.enqueue().fetch()), DAYS + 2)
    assert retention.tidy() == 1
    memory = Chore.objects.get().memory["completed"]
    assert UUID(memory["position"]) > old.pk
    # What was passed because it had not ended so long ago is not looked at again, before a day is over.
    aged(late, DAYS + 5)
    assert retention.tidy() == 0
    yesterday = (timezone.now() - timedelta(days=1, minutes=1)).isoformat()
    Chore.objects.update(memory={"completed": {**memory, "began": yesterday}})
    assert retention.tidy() == 1
    assert not Job.objects.exists()


def test_a_walk_that_takes_more_than_a_day_is_not_begun_anew(note, settings):
    settings.JOB_QUEUE_RETENTION_DAYS = DAYS
    passed, ahead = (aged(finish(note.enqueue().fetch()), DAYS + days) for days in (9, 3))
    middle = str(first_uuid7(timezone.now() - timedelta(days=DAYS + 5)))
    began = (timezone.now() - timedelta(days=3)).isoformat()
    Chore.objects.create(name=retention.CHORE, memory={"completed": {"position": middle, "began": began}})
    assert retention.tidy() == 1
    assert Job.objects.get() == passed
    assert not Job.objects.filter(pk=ahead.pk).exists()


def test_walks_take_turns_and_end_in_time(actor):
    for days in range(3):
        for status in (Status.COMPLETED, Status.CANCELLED):
            aged(job_in(status, actor), DAYS + 1 + days)
    rules = [Rule(kind, timedelta(days=DAYS)) for kind in ("completed", "cancelled")]
    steps = retention.prune([Walk(rule) for rule in rules], at_once=1)
    assert next(steps) + next(steps) == 2
    assert sorted(Job.objects.values_list("status", flat=True)) == ["cancelled"] * 2 + ["completed"] * 2
    assert list(retention.prune([Walk(rule) for rule in rules], seconds=0)) == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_someone_holds_is_left_for_another_time(note):
    held, free = (aged(finish(note.enqueue().fetch()), DAYS + 2) for _ in range(2))
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=held.pk)
        assert beside(prune)() == 1
    assert Job.objects.get() == held
    assert not Job.objects.filter(pk=free.pk).exists()
    assert prune() == 1


def test_the_command_counts_and_deletes(actor, settings, capsys):
    settings.JOB_QUEUE_RETENTION_COMPLETED_DAYS = 0
    for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        aged(job_in(status, actor), DAYS + 2)
    call_command("prune_jobs", "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "1 failed jobs are older than 30 days",
        "1 cancelled jobs are older than 30 days",
        "0 deleted jobs are older than 30 days",
    ]
    call_command("prune_jobs", "--status", "failed")
    assert capsys.readouterr().out == "deleted 1 jobs\n"
    call_command("prune_jobs", "--older-than=40")
    assert capsys.readouterr().out == "deleted 0 jobs\n"
    call_command("prune_jobs", "--older-than=31", "--gently")
    assert capsys.readouterr().out == "deleted 2 jobs\n"


@pytest.mark.usefixtures("database_roles")
def test_workers_may_prune_what_belongs_to_users(note, actor, settings):
    settings.JOB_QUEUE_RETENTION_DAYS = DAYS
    job = note.enqueue(user=actor).fetch()
    Task.objects.create(job=job, name="step")
    aged(finish(job), DAYS + 2)
    with working_as("ekiden_worker"):
        assert retention.tidy() == 1
    assert not Job.objects.exists() and not Task.objects.exists()
