from typing import ClassVar, Final

from django.db import models

#: Jobs are spread over so many slots by the last bits of their ids; each is sent by one process at a time.
SLOTS: Final = 4


class SearchSlot(models.Model):
    """The right to send the changed jobs of one share to the search engine.

    Whoever takes a slot raises its token and has it until `held_until`. Marks name the token: after the slot was taken
    by another, or the indexes that are written changed, they change nothing, and what was sent is sent again.
    """

    number = models.SmallIntegerField(primary_key=True)
    token = models.BigIntegerField(default=0, db_default=0)
    held_until = models.DateTimeField(null=True, blank=True)
    #: Who has it, for people.
    holder = models.TextField(blank=True, default="", db_default="")

    class Meta:
        db_table = "job_search_slots"
        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return f"slot {self.number}"
