"""What a process is doing when it dies at a crash point."""

from datetime import UTC, datetime, timedelta

from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from accounts.models import User
from accounts.roles import Role
from analytics import partitions
from jobs import dead_letters, retention, schedules
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.enqueue import NewJob, enqueue, enqueue_many
from jobs.models import DeadLetter, Job, Schedule
from jobs.options import Options
from jobs.releasing import release_waiting
from jobs.workflows import Workflow
from tests.acceptance.search_acts import search  # noqa: F401 (an act)

#: Partitions of then have no reason to be there, and the suite drops them as old ones.
LONG_AGO = (datetime(2001, 2, 3, tzinfo=UTC), datetime(2002, 2, 3, tzinfo=UTC))


def worker(*arguments: str) -> None:
    call_command("runworker", *arguments)


def submit(queue: str) -> None:
    """Submit jobs that go in with several statements: some have columns of their own, some a unique key."""
    jobs = [NewJob("proof_note", {"n": n}, Options(queue=queue)) for n in range(20)]
    jobs += [NewJob("proof_note", {"n": n}, Options(queue=queue, tags=["late"])) for n in range(20)]
    jobs += [NewJob("proof_note", {"n": n}, Options(queue=queue, unique_key=f"{queue}-{n}")) for n in range(5)]
    enqueue_many(jobs)


def submit_workflow(queue: str) -> None:
    here = Options(queue=queue)
    workflow = Workflow(queue)
    first = workflow.add("first", NewJob("proof_note", {"n": 1}, here))
    second = workflow.add("second", NewJob("proof_anote", {"n": 2}, here), depends_on=[first])
    workflow.add("third", NewJob("proof_note", {"n": 3}, here), depends_on=[first, second])
    workflow.enqueue()


def submit_dependent(queue: str) -> None:
    first = enqueue("proof_write", {}, queue=queue, max_retries=5)
    enqueue("proof_note", {}, queue=queue, depends_on=[first.id])


def complete_first(queue: str) -> None:
    """Complete the job that another one waits for, as a worker does that is gone before it lets that one go."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT complete_job(job_id, lock_token, NULL) FROM acquire_job_lock('gone', NULL, '1 hour', 1, ARRAY[%s])",
            [queue],
        )


def release(queue: str) -> None:
    release_waiting()


def make_schedule(queue: str) -> None:
    """Make a schedule whose time came an hour ago, and comes again tomorrow."""
    daily = {"type": "timedelta", "seconds": 86_400}
    made = schedules.create(None, name=queue, job_type="proof_note", schedule_interval=daily, queue=queue)
    Schedule.objects.filter(pk=made.pk).update(next_run_at=Now() - timedelta(hours=1))


def fire(queue: str) -> None:
    schedules.fire_due()


def redrive(queue: str) -> None:
    """Redrive two letters in a transaction."""
    dead_letters.CHUNK = 2  # type: ignore[misc]
    letters = DeadLetter.objects.filter(original_job__queue=queue)
    dead_letters.bulk(dead_letters.redrive, letters, User.objects.order_by("pk").first())


def begin_bulk(queue: str) -> None:
    """Begin an operation on the letters of the queue's jobs, two at a time, for a worker that is there for it alone."""
    wish = Wish("dead_letter", "redrive", {"filter": {"queue": queue}}, rate_per_second=4)
    operation = begin(wish, User.objects.filter(role=Role.ADMIN).first())
    own = {"queue": f"{queue}-bulk", "concurrency_key": None, "lane_key": None}
    Job.objects.filter(pk=operation.job).update(**own)


def prune(queue: str) -> None:
    retention.tidy()


def make_partitions(queue: str) -> None:
    partitions.create_for(LONG_AGO)
