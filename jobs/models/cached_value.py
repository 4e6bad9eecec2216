from typing import ClassVar

from django.db import models


class CachedValue(models.Model):
    """A result kept by Django's cache, where Redis is not; only jobs.cache_backend reads and writes it.

    The table is UNLOGGED: what a crash of the database empties is computed again.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField()

    class Meta:
        db_table = "cached_values"
        ordering: ClassVar = ["cache_key"]
        # What has expired is looked for by time.
        indexes: ClassVar = [models.Index(fields=["expires"], name="cached_values_expiry")]

    def __str__(self) -> str:
        return self.cache_key


class CacheCounter(models.Model):
    """What the cache has done since ever, by name."""

    name = models.TextField(primary_key=True)
    count = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "cache_counters"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"
