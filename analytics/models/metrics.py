from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from accounts.uuid7 import DatabaseUUID7, uuid7


class RuntimeMetrics(models.Model):
    """One function's day: how often it ran and how long; written by aggregate_daily_metrics()."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=DatabaseUUID7(), editable=False)
    #: The day's begin, UTC.
    timestamp = models.DateTimeField(db_default=Now())
    language_title = models.CharField(max_length=128)
    avg_duration_ms = models.FloatField()
    p50_duration_ms = models.FloatField()
    p90_duration_ms = models.FloatField()
    p95_duration_ms = models.FloatField()
    p99_duration_ms = models.FloatField()
    request_count = models.IntegerField()
    error_count = models.IntegerField()
    cache_hit_count = models.IntegerField()
    memory_usage_mb = models.FloatField(null=True, blank=True)
    cpu_usage_percent = models.FloatField(null=True, blank=True)

    class Meta:
        db_table = "runtime_metrics"
        ordering: ClassVar = ["-timestamp", "language_title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["timestamp", "language_title"], name="runtime_metrics_once")
        ]

    def __str__(self) -> str:
        return f"{self.language_title} {self.timestamp:%Y-%m-%d}"


class CacheMetrics(models.Model):
    """One function's day at the result cache; evictions and memory are those of the whole cache."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=DatabaseUUID7(), editable=False)
    #: The day's begin, UTC.
    timestamp = models.DateTimeField(db_default=Now())
    language_title = models.CharField(max_length=128)
    cache_hits = models.IntegerField()
    cache_misses = models.IntegerField()
    cache_hit_ratio = models.FloatField()
    avg_cache_latency_ms = models.FloatField()
    evictions = models.IntegerField()
    memory_usage_mb = models.FloatField()

    class Meta:
        db_table = "cache_metrics"
        ordering: ClassVar = ["-timestamp", "language_title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["timestamp", "language_title"], name="cache_metrics_once")
        ]

    def __str__(self) -> str:
        return f"{self.language_title} {self.timestamp:%Y-%m-%d}"


class CacheReading(models.Model):
    """What the result cache said of itself at a moment: cache_metrics of its day are made of these."""

    taken_at = models.DateTimeField(primary_key=True, db_default=Now())
    #: Since ever, or since Redis was started: what matters is by how much it rose.
    evictions = models.BigIntegerField()
    memory_usage_mb = models.FloatField()

    class Meta:
        db_table = "cache_readings"
        ordering: ClassVar = ["taken_at"]

    def __str__(self) -> str:
        return f"{self.taken_at:%Y-%m-%d %H:%M}"
