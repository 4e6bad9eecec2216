from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from jobs.models.columns import ClockTimestamp, EmptyArray, EmptyJson, Uuid7, uuid7
from jobs.models.job import Job
from jobs.statuses import LIVE, WAITING, RedriveOutcome, Resolution

#: Word for word the condition of the indexes of letters on the desk.
_ON_THE_DESK = Q(resolution_status__in=WAITING)


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    def open(self) -> Self:
        """Keep what lies on the desk: open letters, and those that somebody has seen and not decided on."""
        return self.filter(_ON_THE_DESK)

    def live(self) -> Self:
        """Keep letters whose jobs are dead letters still: those on the desk, and those that come back to it."""
        return self.filter(resolution_status__in=LIVE)


class DeadLetter(models.Model):
    """One death of a job that gave up, waiting for a person. What the job was when it died is never overwritten.

    A job that dies again has another letter, whose `occurrence` is higher by one: the first one keeps who redrove it,
    with what payload, and what came of that.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    original_job = models.ForeignKey(Job, models.CASCADE, related_name="dead_letters")
    job_type = models.TextField()
    payload = models.JSONField(db_default=EmptyJson())
    error_history = ArrayField(models.JSONField(), default=list, db_default=EmptyArray(), blank=True)
    error_class = models.TextField(default="", db_default="", blank=True)
    error_message = models.TextField(default="", db_default="", blank=True)
    #: Same job type, same class of error, same message once numbers and ids are taken out.
    error_fingerprint = models.TextField()
    moved_at = models.DateTimeField(db_default=ClockTimestamp())
    resolution_status = models.TextField(choices=Resolution.choices, default=Resolution.OPEN, db_default="open")
    resolution_notes = models.TextField(blank=True, default="", db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: Set when the job was redriven with another payload than the one it died of.
    redriven_payload = models.JSONField(null=True, blank=True)
    #: Set when the job was redriven to another queue than the one it died in.
    redriven_queue = models.TextField(blank=True, default="", db_default="")
    #: What became of the job then; written by trigger.
    redrive_outcome = models.TextField(choices=RedriveOutcome.choices, blank=True, default="", db_default="")
    redrive_ended_at = models.DateTimeField(null=True, blank=True)
    #: Which death of the job this is. Written by trigger, as the queue, version and user are, whoever makes the letter.
    occurrence = models.IntegerField(default=1, db_default=1, editable=False)
    #: Where the job died; empty in letters of releases that did not keep it.
    queue = models.TextField(blank=True, default="", db_default="", editable=False)
    #: The worker that gave it up.
    worker = models.TextField(blank=True, default="", db_default="", editable=False)
    #: The function's version and the release of the worker: "1.2.0 @ 3f2a91c0", as far as they are known.
    version = models.TextField(blank=True, default="", db_default="", editable=False)
    # No database constraints: users are never deleted, and adding one would read this table from end to end.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False,
        db_constraint=False, editable=False,
    )  # fmt: skip
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    #: Where else people talk of it: the address of a ticket, or its name.
    ticket = models.TextField(blank=True, default="", db_default="")
    #: When an ignored letter comes back to the desk.
    ignored_until = models.DateTimeField(null=True, blank=True)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        db_table = "job_dead_letter_queue"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(resolution_status__in=Resolution.values), name="dead_letter_resolution_known"
            ),
            models.CheckConstraint(
                condition=Q(resolution_status__in=LIVE, resolved_at__isnull=True)
                | (~Q(resolution_status__in=LIVE) & Q(resolved_at__isnull=False)),
                name="dead_letter_settled_has_time",
            ),
            models.CheckConstraint(
                condition=Q(resolution_status=Resolution.IGNORED, ignored_until__isnull=False)
                | (~Q(resolution_status=Resolution.IGNORED) & Q(ignored_until__isnull=True)),
                name="dead_letter_ignored_has_end",
            ),
            models.CheckConstraint(
                condition=Q(redrive_outcome="", redrive_ended_at__isnull=True)
                | (
                    Q(redrive_outcome__in=RedriveOutcome.values, redrive_ended_at__isnull=False)
                    & Q(resolution_status__in=[Resolution.REDRIVEN, Resolution.RESOLVED])
                ),
                name="dead_letter_outcome_of_redrive",
            ),
            models.UniqueConstraint(
                fields=["original_job"],
                condition=Q(resolution_status__in=LIVE),
                name="dead_letter_one_live_per_job",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            # One group's letters, newest first.
            models.Index(F("error_fingerprint"), F("id").desc(), name="dead_letter_fingerprint"),
            # The desk: what waits, newest first, in all, or of one type, group, queue or assignee.
            models.Index(F("id").desc(), condition=_ON_THE_DESK, name="dead_letter_waiting"),
            models.Index(F("job_type"), F("id").desc(), condition=_ON_THE_DESK, name="dead_letter_waiting_type"),
            models.Index(
                F("error_fingerprint"), F("id").desc(), condition=_ON_THE_DESK, name="dead_letter_waiting_group"
            ),
            models.Index(F("queue"), F("id").desc(), condition=_ON_THE_DESK, name="dead_letter_waiting_queue"),
            models.Index(
                F("assignee"), F("id").desc(), name="dead_letter_assigned",
                condition=_ON_THE_DESK & Q(assignee__isnull=False),
            ),
            # Those that come back to the desk.
            models.Index(
                F("ignored_until"), condition=Q(resolution_status=Resolution.IGNORED), name="dead_letter_ignored"
            ),
            # What was decided on, by what was decided: of some words there are few letters among very many.
            models.Index(
                F("resolution_status"), F("id").desc(), name="dead_letter_decided",
                condition=Q(resolution_status__in=["discarded", "redriven", "resolved"]),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.job_type}: {self.error_message[:80]}"
