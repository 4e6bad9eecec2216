"""What people do with dead letters: redrive, discard, resolve, take notes; one, or all that a filter finds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models.functions import Now

from jobs import catalogue, language_rights, options, status_cache
from jobs.announce import announce
from jobs.control import lane_in, refusing_taken_key, restart_changes
from jobs.crash_points import crash_point
from jobs.exceptions import (
    InvalidOption,
    InvalidPayload,
    InvalidState,
    LanguageNotAllowed,
    UniqueKeyTaken,
    UnknownJobType,
)
from jobs.models import DeadLetter, Job
from jobs.models.audit import audit
from jobs.models.dead_letter import DeadLetterQuerySet
from jobs.payloads import dump_payload, dump_result, same_json
from jobs.secret_fields import hide, put_back
from jobs.statuses import LIVE, Resolution, Status
from jobs.tasks.forgetting import forget_all, forget_time_out

#: How many letters one transaction of a bulk act takes, so that workers never wait long for it.
CHUNK: Final = 200

#: How many letters a report names with the reason they were left alone.
MOST_REASONS: Final = 100


@transaction.atomic
def redrive(
    dead_letter_id: UUID,
    actor: Any,
    payload: dict[str, Any] | None = None,
    reason: str = "",
    queue: str | None = None,
) -> DeadLetter:
    """Put the job back to pending with all its retries: as it is, with an edited payload, or to another queue.

    The job resumes behind its finished tasks; with an edited payload it forgets them. The letter keeps the payload it
    died of; the edited one is recorded beside it, and at the job's next end what came of it. Raises InvalidState when
    the letter is settled, InvalidPayload when the new payload does not fit the job type, InvalidOption for a queue
    whose workers could do nothing with the job, UniqueKeyTaken, LanguageNotAllowed when the job's owner may not use
    its language any more.
    """
    letter, job = _locked(dead_letter_id, "redrive")
    language_rights.check_owner(job)
    changes = restart_changes()
    if queue and queue != job.queue:
        options.check_queue(queue)
        changes |= {"queue": queue, "lane_key": lane_in(queue, job)}
        letter.redriven_queue = queue
    if payload is not None:
        payload = put_back(payload, letter.payload, letter.job_type)
    if payload is not None and not same_json(payload, letter.payload):
        check_payload(letter.job_type, payload)
        changes["payload"] = letter.redriven_payload = payload
        # Their results came from the other payload.
        if forgotten := forget_all(job.pk):
            audit(actor, "forget tasks", job, reason, tasks=forgotten)
    else:
        forget_time_out(job.pk)
    with refusing_taken_key(job):
        letter = _end(letter, job, Resolution.REDRIVEN, changes, actor, reason)
    announce([(changes.get("queue", job.queue), job.priority)])
    return letter


@transaction.atomic
def discard(dead_letter_id: UUID, actor: Any, reason: str = "") -> DeadLetter:
    """Give the job up for good: its status becomes failed."""
    letter, job = _locked(dead_letter_id, "discard")
    return _end(letter, job, Resolution.DISCARDED, {"status": Status.FAILED}, actor, reason)


@transaction.atomic
def resolve(dead_letter_id: UUID, actor: Any, reason: str = "", result: Any = None) -> DeadLetter:
    """Declare the work done by other means: the job's status becomes completed, with a result if one is given.

    Raises InvalidPayload for a result that cannot be stored.
    """
    dump_result(result)
    letter, job = _locked(dead_letter_id, "resolve")
    changes = {"status": Status.COMPLETED, "completed_at": Now(), "failed_at": None, "result": result}
    return _end(letter, job, Resolution.RESOLVED, changes, actor, reason)


@transaction.atomic
def annotate(dead_letter_id: UUID, actor: Any, notes: str) -> DeadLetter:
    """Replace the notes kept with a letter; the former ones stay in the audit log."""
    letter = DeadLetter.objects.select_for_update().get(pk=dead_letter_id)
    audit(actor, "annotate", letter, before=letter.resolution_notes, after=notes)
    letter.resolution_notes = notes
    letter.save(update_fields=["resolution_notes"])
    return letter


def neighbour(fingerprint: str, letter_id: UUID, *, newer: bool) -> UUID | None:
    """Give the next letter of a group that lies on the desk, to go on with after this one: newer, or older."""
    rest = DeadLetter.objects.open().filter(error_fingerprint=fingerprint)
    found = rest.filter(id__gt=letter_id).order_by("id") if newer else rest.filter(id__lt=letter_id).order_by("-id")
    return found.values_list("id", flat=True).first()


def check_payload(job_type: str, payload: dict[str, Any]) -> None:
    """Raise InvalidPayload unless jobs of this type may carry the payload; a type unknown here takes any JSON."""
    dump_payload(payload)
    try:
        violations = catalogue.function_of_job_type(job_type).validator.violations(payload)
    except UnknownJobType:
        return
    if violations:
        raise InvalidPayload(violations)


@dataclass
class BulkReport:
    """What came of a bulk act: letters done, and those left alone with the reason (the first MOST_REASONS named)."""

    done: int = 0
    skipped: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def skip(self, letter_id: UUID, reason: str) -> None:
        self.skipped += 1
        if len(self.reasons) < MOST_REASONS:
            self.reasons[str(letter_id)] = reason


def bulk(
    act: Callable[..., DeadLetter], letters: DeadLetterQuerySet, actor: Any, reason: str = "", limit: int = 100_000
) -> BulkReport:
    """Redrive, discard or resolve every letter of a queryset that lies on the desk now, oldest first.

    Letters that arrive later are not touched. Commits every CHUNK letters; one that cannot be acted on is
    reported and does not hold up the others.
    """
    report, newest = BulkReport(), letters.open().order_by("-id").values_list("id", flat=True).first()
    after = None
    while newest is not None and report.done + report.skipped < limit:
        rest = letters.open().filter(id__lte=newest).order_by("id")
        room = min(CHUNK, limit - report.done - report.skipped)
        chunk = list((rest.filter(id__gt=after) if after else rest).values_list("id", flat=True)[:room])
        if not chunk:
            break
        after = chunk[-1]
        with transaction.atomic():
            for letter_id in _in_locking_order(chunk):
                crash_point("mid_bulk_redrive")
                _one_of_many(act, letter_id, actor, reason, report)
    return report


def _in_locking_order(chunk: list[UUID]) -> list[UUID]:
    """Lock the jobs of all these letters, then give the letters by group: workers lock groups in this order too."""
    found = list(
        DeadLetter.objects.filter(id__in=chunk).order_by("error_fingerprint", "id").values_list("id", "original_job_id")
    )
    jobs = Job.objects.filter(id__in=[job_id for _, job_id in found]).order_by("id")
    list(jobs.select_for_update(of=("self",)).values_list("id"))
    return [letter_id for letter_id, _ in found]


def _one_of_many(act: Callable[..., DeadLetter], letter_id: UUID, actor: Any, reason: str, report: BulkReport) -> None:
    try:
        with transaction.atomic():
            act(letter_id, actor, reason=reason)
    except (InvalidState, UniqueKeyTaken, InvalidPayload, InvalidOption, LanguageNotAllowed) as error:
        report.skip(letter_id, str(error))
    except ObjectDoesNotExist:
        report.skip(letter_id, "It is not there any more.")
    else:
        report.done += 1


def _locked(dead_letter_id: UUID, action: str) -> tuple[DeadLetter, Job]:
    # The job first, as everywhere: two people on one letter wait for each other instead of deadlocking.
    job_id = DeadLetter.objects.values_list("original_job_id", flat=True).get(pk=dead_letter_id)
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    letter = DeadLetter.objects.select_for_update(of=("self",)).get(pk=dead_letter_id)
    if letter.resolution_status not in LIVE:
        raise InvalidState(action, letter.resolution_status)
    return letter, job


def _end(
    letter: DeadLetter, job: Job, resolution: Resolution, changes: dict[str, Any], actor: Any, reason: str
) -> DeadLetter:
    status_cache.block([job.pk])
    Job.objects.filter(pk=job.pk).update(**changes)
    letter.resolution_status = resolution
    letter.resolved_by = actor
    if reason:
        letter.resolution_notes = f"{letter.resolution_notes}\n{reason}".strip()
    DeadLetter.objects.filter(pk=letter.pk).update(
        resolution_status=resolution,
        resolved_at=Now(),
        resolved_by=actor,
        resolution_notes=letter.resolution_notes,
        redriven_payload=letter.redriven_payload,
        redriven_queue=letter.redriven_queue,
        ignored_until=None,
    )
    audit(actor, resolution, letter, reason, **_edit(letter))
    letter.refresh_from_db()
    return letter


def _edit(letter: DeadLetter) -> dict[str, Any]:
    """Tell what was changed of the job when it was redriven, without what is secret of it."""
    edit: dict[str, Any] = {}
    if letter.redriven_payload is not None:
        before, after = (hide(payload, letter.job_type) for payload in (letter.payload, letter.redriven_payload))
        edit = {"payload_before": before, "payload_after": after}
    if letter.redriven_queue:
        edit |= {"queue_before": letter.queue, "queue_after": letter.redriven_queue}
    return edit
