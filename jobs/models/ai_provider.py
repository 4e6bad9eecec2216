from typing import ClassVar

from django.db import models

from jobs.models.columns import ClockTimestamp


class ProviderState(models.Model):
    """What all processes know of a provider: whether it answers at present, and from when on it may be asked again."""

    name = models.TextField(primary_key=True)
    #: Since its last answer.
    failures = models.IntegerField(default=0, db_default=0)
    #: How often the circuit was opened since its last answer; each time it stays open for longer.
    trips = models.IntegerField(default=0, db_default=0)
    #: The circuit is open until then. Afterwards one call tries, and the others wait for what becomes of it.
    open_until = models.DateTimeField(null=True, blank=True)
    #: Whoever tries has so long.
    probe_until = models.DateTimeField(null=True, blank=True)
    #: The provider itself asked to be left alone until then.
    limited_until = models.DateTimeField(null=True, blank=True)
    last_error_code = models.TextField(blank=True, default="", db_default="")
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_answer_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        db_table = "ai_providers"
        ordering: ClassVar = ["name"]
        verbose_name = "provider"

    def __str__(self) -> str:
        return self.name
