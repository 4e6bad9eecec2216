from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Exists
from django.db.models.functions import Now

from jobs import conf, rates, tracing
from jobs.models.columns import ClockTimestamp, EmptyArray, EmptyJson, Uuid7, uuid7
from jobs.models.comparison import HoldsUniqueKey, RowAfter
from jobs.models.queue import Queue
from jobs.statuses import FINAL, Priority, Status, WaitsFor

#: True of every job. It names the indexes that pending jobs are spread over, one of which has each of them: from the
#: status alone the planner would read the whole table.
IN_AN_INDEX_OF_PENDING: Final = (
    Q(waits_for=None, lane_key=None) | Q(waits_for=None, lane_key__isnull=False) | Q(waits_for__isnull=False)
)


class JobQuerySet(models.QuerySet["Job"]):
    """Rules of the job table alone; flows across tables are modules named by their verb."""

    def visible(self) -> Self:
        """Leave out what was deleted by its owner."""
        return self.filter(is_deleted=False)

    def owned_by(self, user: Any) -> Self:
        return self.filter(user=user)

    def pending(self) -> Self:
        """Every pending job, whatever it waits for."""
        return self.filter(IN_AN_INDEX_OF_PENDING, status=Status.PENDING)

    def startable(self) -> Self:
        """Pending jobs that wait for nothing but their time."""
        return self.filter(status=Status.PENDING, waits_for=None)

    def ready(self, queue: Any, priority: Any, after: tuple[Any, Any] | None = None) -> Self:
        """Pending jobs of one open lane that are due, in the order they are claimed.

        Every condition is an equality or a bound on the claim index, so the scan starts behind the row `after`
        (its scheduled_at and id; values or expressions) and touches only what it returns. A queue that is paused or
        has limits gives nothing; that is asked once per query. Jobs that wait for something, or have a lane_key, are
        not among them.
        """
        due = self.startable().filter(queue=queue, priority=priority, lane_key=None, scheduled_at__lte=Now())
        if after is not None:
            due = due.filter(RowAfter(F("scheduled_at"), F("id"), *after))
        return due.filter(~Exists(Queue.objects.ruled().filter(name=queue))).order_by("scheduled_at", "id")

    def due(self, queue: str, priority: int) -> Self:
        """Pending jobs of all lanes that are due, whether or not limits let them start; none of a paused queue."""
        due = self.startable().filter(queue=queue, priority=priority, scheduled_at__lte=Now())
        return due.filter(~Exists(Queue.objects.filter(name=queue, paused=True)))

    def holding_keys(self, job_type: str, unique_keys: Sequence[str], user_id: Any) -> Self:
        """Jobs that hold one of these unique keys, in the states that each of them names."""
        held = self.filter(HoldsUniqueKey(), job_type=job_type, unique_key__in=unique_keys, user_id=user_id)
        # Unordered: there is one of each at most, and an order by id tempts the planner to walk the primary key for it.
        return held.order_by()

    def lapsed(self) -> Self:
        """Jobs that hold their unique key only until somebody else wants it."""
        return self.filter(unique_until__lte=ClockTimestamp())

    def unfinished_of(self, schedule_id: Any) -> Self:
        """Jobs of a schedule that are not done yet."""
        return self.filter(schedule_id=schedule_id, status__in=[Status.PENDING, Status.PROCESSING])

    def finished(self) -> Self:
        return self.filter(status__in=FINAL)


class Job(models.Model):
    """One durable unit of queued work."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    job_type = models.TextField()
    queue = models.TextField(default=conf.DEFAULT_QUEUE, db_default=conf.DEFAULT_QUEUE)
    priority = models.IntegerField(default=Priority.NORMAL, db_default=5)
    status = models.TextField(choices=Status.choices, default=Status.PENDING, db_default="pending")
    payload = models.JSONField(default=dict, db_default=EmptyJson(), encoder=DjangoJSONEncoder)
    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    progress = models.SmallIntegerField(default=0, db_default=0)
    progress_message = models.TextField(blank=True, default="", db_default="")
    #: Raised at every claim, so that a crash counts; given back when the job never started.
    attempt = models.IntegerField(default=0, db_default=0)
    retry_count = models.IntegerField(default=0, db_default=0)
    max_retries = models.IntegerField(default=3, db_default=3)
    scheduled_at = models.DateTimeField(db_default=ClockTimestamp())
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no error", as in the SQL interface
    error_details = models.JSONField(null=True, blank=True)
    error_history = ArrayField(models.JSONField(), default=list, db_default=EmptyArray(), blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    #: Kept by trigger, like version.
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    version = models.BigIntegerField(default=1, db_default=1, editable=False)
    is_deleted = models.BooleanField(default=False, db_default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="jobs", db_index=False
    )
    user_email = models.TextField(blank=True, default="", db_default="")
    workspace = models.ForeignKey(
        "accounts.Workspace", models.SET_NULL, null=True, blank=True, related_name="jobs", db_index=False
    )
    project_name = models.TextField(blank=True, default="", db_default="")
    hostname = models.TextField(blank=True, default="", db_default="")
    arch = models.TextField(blank=True, default="", db_default="")
    metadata = models.JSONField(default=dict, db_default=EmptyJson(), blank=True, encoder=DjangoJSONEncoder)
    tags = ArrayField(models.TextField(), default=list, db_default=EmptyArray(), blank=True)
    unique_key = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is outside the unique index
    #: The statuses in which it holds its unique key; NULL is while it is unfinished.
    unique_states = ArrayField(models.TextField(), null=True, blank=True)
    #: From then on whoever wants the unique key takes it from this job, whose states are empty then; NULL is never.
    unique_until = models.DateTimeField(null=True, blank=True)
    concurrency_key = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is outside every limit
    #: How many jobs of its concurrency key may run when it starts, itself included; NULL is any number.
    concurrency_limit = models.IntegerField(null=True, blank=True)
    #: How many jobs of its concurrency key may start in a time: "60/m"; NULL is any number.
    rate_limit = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no limit"
    #: The lane inside its queue and priority that it is claimed from; NULL is the open one, which is claimed in order.
    lane_key = models.TextField(null=True, blank=True, editable=False, db_collation="C")  # noqa: DJ001
    #: What a pending job waits for beside its time; NULL is nothing.
    waits_for = models.TextField(null=True, blank=True, choices=WaitsFor.choices)  # noqa: DJ001
    #: A job that has not started by then is cancelled.
    expires_at = models.DateTimeField(null=True, blank=True)
    #: Seconds that one attempt may run; NULL is the job type's own.
    timeout = models.FloatField(null=True, blank=True)
    # No database constraint: pruning a finished parent or schedule must not scan this table for children.
    parent = models.ForeignKey(
        "self", models.DO_NOTHING, null=True, blank=True, related_name="children", db_constraint=False, db_index=False
    )
    schedule = models.ForeignKey(
        "jobs.Schedule", models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    #: Which of the schedule's times it was made for.
    scheduled_for = models.DateTimeField(null=True, blank=True)
    batch = models.ForeignKey(
        "jobs.Batch", models.DO_NOTHING, null=True, blank=True, related_name="jobs", db_constraint=False, db_index=False
    )
    #: Whether jobs depend on it or have it as parent: others are told only of the ends of such jobs.
    has_followers = models.BooleanField(default=False, db_default=False, editable=False)
    #: Whether it has ever come back from a dead letter: at its end that letter is told. Written by trigger.
    redriven = models.BooleanField(default=False, db_default=False, editable=False)
    #: The session's request_id, for jobs that execute a session.
    session = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no session"
    #: The X-Request-ID of the request that submitted it; such a job has a row of its own id in the request log.
    request_id = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no request"
    #: The W3C trace context that it was submitted in; every attempt continues it.
    traceparent = models.TextField(null=True, blank=True, editable=False)  # noqa: DJ001 - NULL is "no trace"
    es_synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    es_sync_version = models.BigIntegerField(default=0, db_default=0, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "job_queue"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="job_status_valid"),
            models.CheckConstraint(condition=Q(priority__range=(0, 100)), name="job_priority_range"),
            models.CheckConstraint(condition=Q(progress__range=(0, 100)), name="job_progress_range"),
            # What Python cannot read would stop every worker that comes upon it.
            models.CheckConstraint(
                condition=Q(scheduled_at__gte=datetime(2000, 1, 1, tzinfo=UTC))
                & Q(scheduled_at__lt=datetime(9999, 1, 1, tzinfo=UTC)),
                name="job_scheduled_at_readable",
            ),
            models.CheckConstraint(
                condition=Q(attempt__gte=0, retry_count__gte=0, max_retries__gte=0), name="job_counts_positive"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PENDING) | Q(started_at__isnull=True), name="job_pending_not_started"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PROCESSING) | Q(started_at__isnull=False), name="job_processing_started"
            ),
            models.CheckConstraint(
                condition=Q(status=Status.COMPLETED, completed_at__isnull=False)
                | (~Q(status=Status.COMPLETED) & Q(completed_at__isnull=True)),
                name="job_completed_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[Status.FAILED, Status.DEAD_LETTER], failed_at__isnull=False)
                | (~Q(status__in=[Status.FAILED, Status.DEAD_LETTER]) & Q(failed_at__isnull=True)),
                name="job_failed_has_time",
            ),
            models.CheckConstraint(
                condition=Q(waits_for__isnull=True) | Q(waits_for__in=WaitsFor.values), name="job_waits_for_valid"
            ),
            models.CheckConstraint(
                condition=Q(concurrency_limit__isnull=True) | Q(concurrency_limit__gte=1), name="job_limit_positive"
            ),
            models.CheckConstraint(
                condition=Q(rate_limit__isnull=True) | Q(rate_limit__regex=rates.COLUMN_PATTERN),
                name="job_rate_readable",
            ),
            models.UniqueConstraint(
                fields=["job_type", "unique_key", "user"],
                condition=Q(unique_key__isnull=False) & Q(HoldsUniqueKey()),
                nulls_distinct=False,
                name="job_unique_key",
            ),
            # A schedule makes one job for each of its times, however many workers look at the clock.
            models.UniqueConstraint(
                fields=["schedule", "scheduled_for"], condition=Q(schedule__isnull=False), name="job_once_per_tick"
            ),
        ]
        # Four times slower with the indexes of every status column: each of these serves a tested query.
        indexes: ClassVar = [
            # The claim: one open lane, due, in order.
            models.Index(
                F("queue"), F("priority").desc(), F("scheduled_at"), F("id"),
                condition=Q(status=Status.PENDING, waits_for__isnull=True, lane_key__isnull=True), name="job_ready",
            ),
            # The claim from lanes of limited jobs and of fair queues, which are stepped over without being walked.
            models.Index(
                F("queue"), F("priority").desc(), F("lane_key"), F("scheduled_at"), F("id"),
                condition=Q(status=Status.PENDING, waits_for__isnull=True, lane_key__isnull=False), name="job_lanes",
            ),
            # What waits: lists of it, and the time-outs of events.
            models.Index(
                F("waits_for"), F("scheduled_at"), F("id"),
                condition=Q(status=Status.PENDING, waits_for__isnull=False), name="job_waiting",
            ),
            # What has not started in time.
            models.Index(
                F("expires_at"), condition=Q(status=Status.PENDING, attempt=0, expires_at__isnull=False),
                name="job_expiry",
            ),
            # Only children and members of batches pay for these.
            models.Index(F("parent"), F("id"), condition=Q(parent__isnull=False), name="job_children"),
            models.Index(F("batch"), F("status"), condition=Q(batch__isnull=False), name="job_batch"),
            # The jobs of a schedule that the next of its times meets.
            models.Index(
                F("schedule"), F("id"), name="job_schedule_unfinished",
                condition=Q(schedule__isnull=False, status__in=[Status.PENDING, Status.PROCESSING]),
            ),
            # Running jobs: the lists of them, and those that lost their lock row.
            models.Index(F("started_at"), F("id"), condition=Q(status=Status.PROCESSING), name="job_running"),
            # A client's own list, newest first.
            models.Index(F("user"), F("id").desc(), condition=Q(user__isnull=False), name="job_owner"),
            # What went wrong, newest first; completed jobs, the mass of history, are left out.
            models.Index(
                F("status"), F("id").desc(),
                condition=Q(status__in=[Status.FAILED, Status.CANCELLED, Status.DEAD_LETTER]), name="job_ended_badly",
            ),
            # What was deleted, newest first, so that it can be restored; other jobs do not pay for it.
            models.Index(F("id").desc(), condition=Q(is_deleted=True), name="job_deleted"),
            # Only tagged jobs pay for it.
            GinIndex(F("tags"), condition=~Q(tags=[]), name="job_tags"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.job_type} {self.id}"

    @property
    def trace_id(self) -> str | None:
        """The trace that it belongs to, as tools for traces know it."""
        return tracing.trace_id(self.traceparent)

    @property
    def run_time(self) -> timedelta | None:
        """How long the last attempt ran, once it has ended."""
        ended = self.completed_at or self.failed_at
        return ended - self.started_at if ended and self.started_at else None
