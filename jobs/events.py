"""Telling a job what it waits for: approvals, answers, whatever comes from outside."""

from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from jobs.announce import announce
from jobs.exceptions import InvalidState, TooManyEvents
from jobs.models import Event, Job, Task
from jobs.models.audit import audit
from jobs.payloads import dump_payload
from jobs.statuses import SETTLED, WaitsFor
from jobs.tasks.waiting import check_event_name

#: So many events of one job may wait to be taken.
MOST_UNTAKEN: Final = 1_000


@transaction.atomic
def send(job_id: UUID, name: str, payload: dict[str, Any] | None = None, actor: Any = None) -> Event:
    """Tell a job an event: one that waits for it goes on at once, any other finds it when it asks.

    Each event is taken once, those of a name in the order in which they were sent. Raises InvalidState for a job that
    has ended, TooManyEvents when too many wait to be taken, InvalidPayload for what cannot be stored.
    """
    _check(name, payload or {})
    # The job's row is the queue at which senders, and the worker that puts the job back, wait for each other.
    job = Job.objects.visible().select_for_update(of=("self",), no_key=True).get(pk=job_id)
    if job.status in SETTLED:
        raise InvalidState("send events to", job.status)
    if Event.objects.filter(job=job, task=None)[:MOST_UNTAKEN].count() >= MOST_UNTAKEN:
        raise TooManyEvents(f"The job has {MOST_UNTAKEN} events already that it has not taken.")
    event = Event.objects.create(job=job, name=name, payload=payload or {}, sent_by=actor)
    if job.waits_for == WaitsFor.EVENT and _waited_for(event):
        Job.objects.filter(pk=job.pk).update(waits_for=None, scheduled_at=Now())
        announce([(job.queue, job.priority)])
    if actor is not None:
        audit(actor, "send event", job, event=name, event_id=event.pk)
    event.refresh_from_db(fields=["number", "created_at"])
    return event


def _waited_for(event: Event) -> bool:
    waits = Task.objects.filter(job=event.job_id, kind=Task.Kind.EVENT, name=event.name)
    return waits.filter(status=Task.Status.PROCESSING).exists()


def _check(name: str, payload: dict[str, Any]) -> None:
    check_event_name(name)
    dump_payload(payload)
