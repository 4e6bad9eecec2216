from typing import ClassVar, Final, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from jobs.models.columns import ClockTimestamp, EmptyArray, EmptyJson, Uuid7, uuid7
from jobs.statuses import BULK_ENDED, BulkState

_ENDED: Final = sorted(BULK_ENDED)


class BulkOperationQuerySet(models.QuerySet["BulkOperation"]):
    def live(self) -> Self:
        return self.exclude(state__in=BULK_ENDED)


class BulkOperation(models.Model):
    """One act on all the jobs or dead letters of a selection, done piece by piece by a job of our own queue.

    What it acts on is frozen when it is made: rows that came after `upper_bound` are not its affair. `position` moves
    in the transaction that acts on the rows up to it, so an operation that is killed goes on where it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    #: "job" or "dead_letter": what it acts on.
    target = models.TextField()
    #: The verb: cancel, retry, priority, delete, restore; redrive, discard, resolve …
    action = models.TextField()
    #: Either {"ids": […]} or {"filter": {…}}, by the names of the lists' own query parameters.
    selector = models.JSONField(encoder=DjangoJSONEncoder)
    #: What the verb takes beside the row, such as {"priority": 7}.
    arguments = models.JSONField(default=dict, db_default=EmptyJson(), blank=True, encoder=DjangoJSONEncoder)
    #: The newest id that there was when it was made.
    upper_bound = models.UUIDField()
    state = models.TextField(choices=BulkState.choices, default=BulkState.WAITING, db_default=BulkState.WAITING)
    #: What the state is due to, for people: why it waits, or what it failed of.
    state_reason = models.TextField(blank=True, default="", db_default="")
    #: Rows a second at most; NULL is as fast as it goes.
    rate_per_second = models.FloatField(null=True, blank=True)
    #: It stops after so many rows.
    max_items = models.BigIntegerField(null=True, blank=True)
    #: So many first, then it waits to see what became of them.
    canary = models.IntegerField(null=True, blank=True)
    #: Whether it goes on by itself once all of them have succeeded.
    canary_proceeds = models.BooleanField(default=False, db_default=False)
    #: How long it watches the jobs of its canary before it is left to a person.
    canary_seconds = models.FloatField(default=600.0, db_default=600.0)
    #: When the last of its canary was put to work, and when it went on behind that.
    canary_at = models.DateTimeField(null=True, blank=True)
    proceeded_at = models.DateTimeField(null=True, blank=True)
    #: How many the selection found when it was made, counted up to a cap.
    matched = models.BigIntegerField(default=0, db_default=0)
    matched_capped = models.BooleanField(default=False, db_default=False)
    done = models.BigIntegerField(default=0, db_default=0)
    #: Left alone, because their state did not allow it any more.
    skipped = models.BigIntegerField(default=0, db_default=0)
    failed = models.BigIntegerField(default=0, db_default=0)
    #: All rows of the selection up to this id have had their turn.
    position = models.UUIDField(null=True, blank=True)
    #: Rows up to it that were locked by somebody else, or need a transaction of their own: they have it next.
    put_off = ArrayField(models.UUIDField(), default=list, db_default=EmptyArray(), blank=True)
    #: Its pace allows no row before then.
    next_at = models.DateTimeField(null=True, blank=True)
    #: When it last got on.
    worked_at = models.DateTimeField(null=True, blank=True)
    #: The job that works on it.
    job = models.UUIDField(null=True, blank=True)
    #: Whose failures it does again.
    again = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    reason = models.TextField(blank=True, default="", db_default="")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: The actor's name as it was then.
    actor_name = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    objects = BulkOperationQuerySet.as_manager()

    class Meta:
        db_table = "job_bulk_operations"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=BulkState.values), name="bulk_operation_state_valid"),
            models.CheckConstraint(condition=Q(target__in=["job", "dead_letter"]), name="bulk_operation_target_valid"),
            models.CheckConstraint(
                condition=Q(state__in=_ENDED, ended_at__isnull=False)
                | (~Q(state__in=_ENDED) & Q(ended_at__isnull=True)),
                name="bulk_operation_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(rate_per_second__isnull=True) | Q(rate_per_second__gt=0),
                name="bulk_operation_rate_positive",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            # What is under way, which the console shows on every page of it.
            models.Index(F("id").desc(), condition=~Q(state__in=_ENDED), name="bulk_operation_live"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.action} {self.target.replace('_', ' ')}s"

    @property
    def tried(self) -> int:
        """How many rows have had their turn."""
        return self.done + self.skipped + self.failed


class BulkItem(models.Model):
    """A row that a bulk operation could not act on, with the reason; those it acted on are only counted."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    operation = models.ForeignKey(BulkOperation, models.CASCADE, related_name="items", db_index=False)
    target_id = models.UUIDField()
    #: "skipped" or "failed".
    outcome = models.TextField()
    reason = models.TextField()
    at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        db_table = "job_bulk_items"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(outcome__in=["skipped", "failed"]), name="bulk_item_outcome_valid"),
            # A row that was killed half-way has its turn once more, and is told of once.
            models.UniqueConstraint(fields=["operation", "target_id"], name="bulk_item_once"),
        ]  # fmt: skip
        indexes: ClassVar = [models.Index(fields=["operation", "id"], name="bulk_item_operation")]

    def __str__(self) -> str:
        return f"{self.target_id}: {self.reason}"


class BulkChunk(models.Model):
    """The jobs that one transaction of an operation put back to work, so that it can be told what became of them."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    operation = models.ForeignKey(BulkOperation, models.CASCADE, related_name="chunks", db_index=False)
    jobs = ArrayField(models.UUIDField())
    is_canary = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "job_bulk_chunks"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["operation", "id"], name="bulk_chunk_operation")]

    def __str__(self) -> str:
        return f"{len(self.jobs)} jobs"
