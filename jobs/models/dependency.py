from typing import ClassVar

from django.db import models

from jobs.models.job import Job


class Dependency(models.Model):
    """One job waits for another: an edge of a workflow."""

    class Condition(models.TextChoices):
        """How the other job must end for this one to run."""

        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"  #: given up or discarded; one that was cancelled has not failed
        ENDED = "ended", "Ended in any way"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        MET = "met", "Met"
        UNMET = "unmet", "Cannot be met any more"

    id = models.BigAutoField(primary_key=True)
    # No database constraints, as with parents: they go with the jobs when those are pruned.
    job = models.ForeignKey(Job, models.DO_NOTHING, related_name="dependencies", db_constraint=False, db_index=False)
    depends_on = models.ForeignKey(
        Job, models.DO_NOTHING, related_name="dependents", db_constraint=False, db_index=False
    )
    condition = models.TextField(choices=Condition.choices, default=Condition.COMPLETED, db_default="completed")
    status = models.TextField(choices=Status.choices, default=Status.OPEN, db_default="open")

    class Meta:
        db_table = "job_dependencies"
        ordering: ClassVar = ["id"]
        verbose_name_plural = "dependencies"
        constraints: ClassVar = [
            # Serves a job's own dependencies as well.
            models.UniqueConstraint(fields=["job", "depends_on"], name="dependency_once"),
            models.CheckConstraint(condition=~models.Q(job=models.F("depends_on")), name="dependency_on_another"),
            models.CheckConstraint(
                condition=models.Q(condition__in=["completed", "failed", "ended"]), name="dependency_condition_valid"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["open", "met", "unmet"]), name="dependency_status_valid"
            ),
        ]
        indexes: ClassVar = [
            # Who is told when a job ends.
            models.Index(fields=["depends_on", "job"], name="dependency_followers"),
            # Whether anything is still missing.
            models.Index(fields=["job"], condition=models.Q(status="open"), name="dependency_open"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} after {self.depends_on_id}"


class ReleaseCheck(models.Model):
    """A word that a waiting job may be free now, written in the transaction that met one of its dependencies.

    Many jobs that end at once each leave a word, in rows of their own, instead of waiting for each other at a counter.
    Whoever looks for work reads the words after they are committed, and sees all that was met.
    """

    class Cause(models.TextChoices):
        MET = "met", "A dependency is met"
        UNMET = "unmet", "A dependency cannot be met any more"
        BEGINS = "begins", "It has begun to wait for jobs that were there before it"

    id = models.BigAutoField(primary_key=True)
    job_id = models.UUIDField()
    cause = models.TextField(choices=Cause.choices, default=Cause.MET, db_default="met")

    class Meta:
        db_table = "job_release_checks"
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return str(self.job_id)
