"""What a process is doing when it dies at a crash point."""

from datetime import UTC, datetime

from django.core.management import call_command

from accounts.models import User
from analytics import partitions
from jobs import dead_letters
from jobs.enqueue import NewJob, enqueue_many
from jobs.models import DeadLetter
from jobs.options import Options
from jobs.worker.maintenance import Maintenance
from jobs.worker.options import WorkerOptions

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


def redrive(queue: str) -> None:
    """Redrive two letters in a transaction."""
    dead_letters.CHUNK = 2  # type: ignore[misc]
    letters = DeadLetter.objects.filter(original_job__queue=queue)
    dead_letters.bulk(dead_letters.redrive, letters, User.objects.order_by("pk").first())


def maintain() -> None:
    Maintenance(WorkerOptions(heartbeat_interval=60.0)).round()


def make_partitions() -> None:
    partitions.create_for(LONG_AGO)
