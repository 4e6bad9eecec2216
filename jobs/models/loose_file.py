from datetime import timedelta
from typing import ClassVar, Self

from django.db import models

from jobs.models.columns import ClockTimestamp


class LooseFileQuerySet(models.QuerySet["LooseFile"]):
    def due(self) -> Self:
        return self.filter(due_at__lte=ClockTimestamp())

    def announce(self, name: str, within: timedelta) -> None:
        """Note a file before it is written: if no row has taken it by then, it is deleted."""
        self.create(name=name, due_at=ClockTimestamp() + within)


class LooseFile(models.Model):
    """A file in Django's storage that no row owns: still to be taken by one, or left behind by one that is gone."""

    #: As the storage knows it.
    name = models.TextField(primary_key=True)
    #: When it is deleted.
    due_at = models.DateTimeField(db_default=ClockTimestamp())

    objects = LooseFileQuerySet.as_manager()

    class Meta:
        db_table = "loose_files"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
