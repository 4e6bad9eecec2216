from typing import ClassVar

from django.db import models

from jobs.models.job import Job


class LogLine(models.Model):
    """What was logged while an attempt ran, the last lines of it: a later line takes the slot of an old one."""

    # The key's index begins with the job and serves its page; no other is needed.
    pk = models.CompositePrimaryKey("job_id", "attempt", "slot")
    # No database constraint: pruning takes the lines along, and no job that is deleted is to be looked up here.
    job = models.ForeignKey(Job, models.DO_NOTHING, related_name="log_lines", db_constraint=False, db_index=False)
    attempt = models.IntegerField()
    #: The number of the line, modulo how many are kept.
    slot = models.SmallIntegerField()
    #: Which line of its attempt it is, from 0.
    number = models.IntegerField()
    at = models.DateTimeField()
    #: As Python's logging has it: INFO, WARNING …
    level = models.TextField()
    logger = models.TextField()
    message = models.TextField()

    class Meta:
        db_table = "job_log_lines"
        ordering: ClassVar = ["job_id", "attempt", "number"]

    def __str__(self) -> str:
        return f"{self.level} {self.message[:80]}"
