"""One worker is asked to claim nothing more: it keeps what it has to its end, and the others take the rest."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs import queues, workers
from jobs.models import Queue, Worker
from tests.acceptance.stage import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def id_of(worker):
    return wait_until(lambda: Worker.objects.filter(pid=worker.pid).values_list("pk", flat=True).first())


def test_a_drained_worker_finishes_what_it_has_and_ends_and_a_quiet_one_works_on_when_told(stage):
    drained = stage.worker(concurrency=1, grace="1s")
    held = stage.submit("proof_gate")
    stage.wait_for_event("run", held)
    workers.drain(id_of(drained), None, "a new kernel")
    drained.wait_for_log("was told to drain")
    later = stage.submit("proof_note")
    quiet = stage.worker(concurrency=1, job_types=None)
    assert stage.wait_for_status(later, "completed")
    workers.quiet(id_of(quiet), None)
    quiet.wait_for_log("is asked to quiet")
    waits = stage.submit("proof_note")
    queues.pause("paused", None, "for a moment", resume_at=now() + timedelta(seconds=1))
    held_back = stage.submit("proof_note", queue="paused")
    # Longer than its grace period: a drained worker is patient. The pause of a queue ends by itself meanwhile.
    beat = Worker.objects.get(pk=id_of(drained)).heartbeat_at
    wait_until(lambda: (Worker.objects.get(pk=id_of(drained)).heartbeat_at - beat).total_seconds() > 2)
    assert stage.job(held)["status"] == "processing" and stage.job(waits)["status"] == "pending"
    stage.open()
    assert drained.wait() == 0
    assert (stage.job(held)["status"], stage.job(held)["attempt"]) == ("completed", 1)
    row = Worker.objects.with_condition().get(pid=drained.pid)
    assert (row.condition, row.wish) == ("stopped", "drain")
    assert stage.job(waits)["status"] == "pending"
    workers.wake(id_of(quiet), None)
    assert stage.wait_for_status(waits, "completed") and stage.wait_for_status(held_back, "completed")
    assert not Queue.objects.get(pk="paused").paused
