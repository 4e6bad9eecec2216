"""What a job went through from its submission on: stretches of time that lie against each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from jobs.admin.attempts import FailedAttempt
from jobs.models import DeadLetter, Job
from jobs.statuses import Status


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a job's life; the kind is its colour."""

    kind: str
    label: str
    begin: datetime
    end: datetime
    #: More of it, for whoever asks: the error of an attempt.
    words: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


def life(job: Job, errors: Sequence[FailedAttempt], letters: Iterable[DeadLetter], now: datetime) -> list[Stretch]:
    """Tell a job's life without gaps, from its submission to its end, to now, or to when it is due.

    Attempts that ended without an error (because they slept, were snoozed or lost) are not known by their times: they
    are part of the waiting.
    """
    known = sorted([*_failed(job, errors), *_last(job, errors, now), *_dead(letters, now)], key=lambda each: each.begin)
    told: list[Stretch] = []
    at = job.created_at
    for stretch in known:
        begin = max(stretch.begin, at)
        told += _wait(job, at, begin, first=not told, last=stretch is known[-1])
        at = max(stretch.end, begin)
        told.append(Stretch(stretch.kind, stretch.label, begin, at, stretch.words))
    if job.status == Status.PENDING:
        told += _wait(job, at, max(now, at), first=not told, last=True)
        if job.scheduled_at > now and not job.waits_for:
            told.append(Stretch("ahead", _("Not due yet"), max(now, at), job.scheduled_at))
    return told


def _failed(job: Job, errors: Sequence[FailedAttempt]) -> Iterator[Stretch]:
    for error in errors:
        if error.at is None:
            continue
        begin = error.at
        if error.seconds is not None:
            begin = error.at - timedelta(seconds=error.seconds)
        elif error.number == job.attempt and job.started_at and job.status != Status.PENDING:
            begin = min(job.started_at, error.at)
        label = _("Attempt {number} failed").format(number=error.number)
        yield Stretch("failed", label, begin, error.at, f"{error.error_class}: {error.message}"[:200])


def _last(job: Job, errors: Sequence[FailedAttempt], now: datetime) -> Iterator[Stretch]:
    """Give the attempt that runs, or that ended otherwise than by an error."""
    begin = job.started_at
    if begin is None or (job.status != Status.PROCESSING and any(error.number == job.attempt for error in errors)):
        return
    if job.status == Status.PROCESSING:
        yield Stretch("running", _("Attempt {number} runs").format(number=job.attempt), begin, max(now, begin))
    elif job.completed_at:
        label = _("Attempt {number} completed").format(number=job.attempt)
        yield Stretch("completed", label, begin, max(job.completed_at, begin))
    elif job.status == Status.CANCELLED:
        label = _("Attempt {number} was cancelled").format(number=job.attempt)
        yield Stretch("cancelled", label, begin, max(job.updated_at, begin))
    elif job.failed_at:
        label = _("Attempt {number} failed").format(number=job.attempt)
        yield Stretch("failed", label, begin, max(job.failed_at, begin))


def _dead(letters: Iterable[DeadLetter], now: datetime) -> Iterator[Stretch]:
    for letter in letters:
        end = max(letter.resolved_at or now, letter.moved_at)
        yield Stretch("dead", _("A dead letter, waiting for a person"), letter.moved_at, end)


def _wait(job: Job, begin: datetime, end: datetime, *, first: bool, last: bool) -> Iterator[Stretch]:
    """Give the time before an attempt; of the last one it is known since when the job was due."""
    if end <= begin:
        return
    before = _("Not due yet") if first else _("Waiting for the next attempt")
    due = job.scheduled_at if last and job.scheduled_at else begin
    if job.waits_for and last and job.status == Status.PENDING:
        yield Stretch("waiting", _("Waits for {what}").format(what=job.get_waits_for_display().lower()), begin, end)
    elif due >= end:
        yield Stretch("backoff", before, begin, end)
    else:
        if due > begin:
            yield Stretch("backoff", before, begin, due)
        known = last or first
        words = _("Due, waiting for a worker") if known else before
        yield Stretch("waiting" if known else "backoff", words, max(due, begin), end)
