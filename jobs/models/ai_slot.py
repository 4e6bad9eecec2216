from typing import ClassVar

from django.db import models


class CallSlot(models.Model):
    """One of the requests that may be under way at the same time, in all processes together: a lease, no lock.

    It outlives no process by more than its time, needs no connection of its own, and works through poolers.
    """

    number = models.IntegerField(primary_key=True)
    #: Whose it is; whoever gives it back must say so.
    token = models.UUIDField(null=True, blank=True)
    taken_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "ai_call_slots"
        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return str(self.number)
