from datetime import timedelta
from typing import ClassVar, Final, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Q, Value, When

from jobs import conf
from jobs.models.columns import ClockTimestamp, EmptyArray

#: So many heartbeats without a word are silence.
SILENT_BEATS: Final = 3


class WorkerQuerySet(models.QuerySet["Worker"]):
    def running(self) -> Self:
        return self.filter(stopped_at__isnull=True)

    def silent(self, seconds: float) -> Self:
        """Workers that neither stopped nor were heard of for so long, by the database's clock."""
        return self.running().filter(heartbeat_at__lt=ClockTimestamp() - timedelta(seconds=seconds))

    def listening(self) -> Self:
        """Workers that claim now: neither stopping, nor quiet, nor silent."""
        return self.with_condition().filter(condition=Worker.Condition.ALIVE)

    def with_condition(self) -> Self:
        """Annotate what each of them is now, by the database's clock: a word of Worker.Condition."""
        silent_since = ClockTimestamp() - timedelta(seconds=SILENT_BEATS * conf.heartbeat_interval())
        told = Case(
            When(stopped_at__isnull=False, then=Value("stopped")),
            When(heartbeat_at__lt=silent_since, then=Value("silent")),
            When(Q(stopping_at__isnull=False) | Q(wish="drain"), then=Value("draining")),
            When(wish="quiet", then=Value("quiet")),
            default=Value("alive"),
            output_field=models.TextField(),
        )
        return self.annotate(condition=told)


class Worker(models.Model):
    """One worker process, known by an id made anew at each start: never by its host name."""

    class Wish(models.TextChoices):
        """What an operator has asked of it; read back with its heartbeat."""

        NOTHING = "", "Nothing"
        QUIET = "quiet", "Claim nothing until told otherwise"
        DRAIN = "drain", "Claim nothing more, finish what runs, and end"

    class Condition(models.TextChoices):
        """What it is now, as `with_condition()` reads it."""

        ALIVE = "alive", "Alive"
        QUIET = "quiet", "Quiet"
        DRAINING = "draining", "Draining"
        SILENT = "silent", "Silent"
        STOPPED = "stopped", "Stopped"

    #: Host name and a boot id; also `worker_id` of the locks it holds.
    id = models.TextField(primary_key=True)
    hostname = models.TextField()
    pid = models.IntegerField()
    queues = ArrayField(models.TextField(), db_default=EmptyArray())
    job_types = ArrayField(models.TextField(), db_default=EmptyArray(), blank=True)
    concurrency = models.IntegerField()
    #: Handlers running when it last beat.
    running = models.IntegerField(default=0, db_default=0)
    rss_mb = models.FloatField(default=0, db_default=0.0)
    #: Seconds that its host's clock was ahead of the database's; NULL is of workers that did not say.
    clock_offset = models.FloatField(null=True, blank=True)
    #: A digest of the source that it runs: workers of one release have the same.
    release = models.TextField(blank=True, default="", db_default="")
    #: Whose child it is, of those that scale; empty for all others.
    supervisor = models.TextField(blank=True, default="", db_default="")
    started_at = models.DateTimeField(db_default=ClockTimestamp())
    heartbeat_at = models.DateTimeField(db_default=ClockTimestamp())
    stopping_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    wish = models.TextField(choices=Wish.choices, blank=True, default="", db_default="")
    wished_at = models.DateTimeField(null=True, blank=True)
    wished_by = models.TextField(blank=True, default="", db_default="")

    objects = WorkerQuerySet.as_manager()

    #: Where `with_condition()` has read it.
    condition: str

    class Meta:
        db_table = "job_workers"
        ordering: ClassVar = ["-heartbeat_at"]
        indexes: ClassVar = [models.Index(F("heartbeat_at").desc(), name="worker_heartbeat")]

    def __str__(self) -> str:
        return self.id
