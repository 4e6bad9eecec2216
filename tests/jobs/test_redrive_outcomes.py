"""A redriven letter is told what became of its job, and a job that dies again has a letter that knows of the first."""

import pytest
from django.db import connection

from jobs import control, dead_letters
from jobs.models import DeadLetter, DeadLetterGroup, Job, Worker
from tests.jobs.rows import dead_letter, fail, finish, new_job, start

pytestmark = pytest.mark.django_db


def outcome(letter):
    letter.refresh_from_db()
    return letter.resolution_status, letter.redrive_outcome, letter.redrive_ended_at is not None


def test_a_redrive_that_succeeds_resolves_its_letter_and_keeps_who_redrove_it(actor):
    letter = dead_letters.redrive(dead_letter().pk, actor)
    at = letter.resolved_at
    assert outcome(letter) == ("redriven", "", False)
    finish(letter.original_job)
    assert outcome(letter) == ("resolved", "succeeded", True)
    assert (letter.resolved_by, letter.resolved_at) == (actor, at)


def test_a_job_that_dies_again_lies_on_the_desk_again_and_the_first_letter_keeps_its_redrive(actor):
    first = dead_letter()
    DeadLetter.objects.filter(pk=first.pk).update(assignee=actor, ticket="OPS-7")
    dead_letters.redrive(first.pk, actor, payload={"content": "shorter", "article_id": "a-1"})
    second = dead_letter(first.original_job, error_class="ValueError", message="no text")
    assert outcome(first) == ("redriven", "died_again", True)
    assert (first.redriven_payload, first.payload) == (second.payload, {"content": "text", "article_id": "a-1"})
    assert (second.resolution_status, second.occurrence, first.occurrence) == ("open", 2, 1)
    assert (second.assignee, second.ticket) == (actor, "OPS-7"), "whoever looks after it goes on"
    dead_letters.redrive(second.pk, actor)
    finish(second.original_job)
    assert outcome(second) == ("resolved", "succeeded", True)
    assert outcome(first) == ("redriven", "died_again", True), "that redrive did not succeed"


def test_a_redriven_job_that_is_cancelled_and_then_succeeds_after_all(actor):
    letter = dead_letters.redrive(dead_letter().pk, actor)
    control.cancel(letter.original_job_id, actor)
    assert outcome(letter) == ("redriven", "cancelled", True)
    control.retry(letter.original_job_id, actor)
    finish(letter.original_job)
    assert outcome(letter) == ("resolved", "succeeded", True)


def test_a_failed_attempt_in_between_is_no_outcome(actor):
    letter = dead_letters.redrive(dead_letter().pk, actor)
    fail(letter.original_job)
    assert outcome(letter) == ("redriven", "", False)


def test_resolving_the_second_death_by_hand_does_not_make_the_first_redrive_succeed(actor):
    first = dead_letters.redrive(dead_letter().pk, actor)
    second = dead_letter(first.original_job)
    dead_letters.resolve(second.pk, actor)
    assert outcome(first) == ("redriven", "died_again", True)
    assert outcome(second) == ("resolved", "", False)


def test_success_locks_no_group(actor):
    """A million redriven jobs that succeed do not queue up for one row."""
    letter = dead_letters.redrive(dead_letter().pk, actor)

    def written():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT xmin::text, xmax::text FROM job_dead_letter_groups WHERE error_fingerprint = %s",
                [letter.error_fingerprint],
            )
            return cursor.fetchone()

    before = written()
    finish(letter.original_job)
    assert written() == before
    group = DeadLetterGroup.objects.get()
    assert (group.open_count, group.total_count) == (0, 1)


def test_redriven_to_another_queue(actor):
    letter = dead_letters.redrive(dead_letter().pk, actor, queue="by-hand", reason="the machine with more memory")
    job = letter.original_job
    assert (job.queue, letter.queue, letter.redriven_queue) == ("by-hand", "default", "by-hand")
    job.refresh_from_db()
    assert job.redriven


def test_a_letter_knows_where_whose_and_under_which_version_it_died(actor):
    Worker.objects.create(id="relay-1:7f", hostname="relay-1", pid=1, concurrency=1, release="3f2a91c0")
    job = new_job("elsewhere", user=actor, queue="maps")
    lock = start(job, "relay-1:7f")
    with connection.cursor() as cursor:
        cursor.execute("SELECT fail_job(%s, %s, 'E', 'm', '{}', false)", [job.pk, lock.lock_token])
    letter = DeadLetter.objects.get()
    assert (letter.queue, letter.worker, letter.user, letter.occurrence) == ("maps", "relay-1:7f", actor, 1)
    assert letter.version == "3f2a91c0"


def test_only_jobs_that_came_back_are_marked(actor):
    done = finish(new_job())
    control.retry(fail_and_cancel(actor), actor)
    assert not Job.objects.filter(redriven=True).exists() and done.status == "completed"


def fail_and_cancel(actor):
    job = new_job()
    control.cancel(job.pk, actor)
    return job.pk
