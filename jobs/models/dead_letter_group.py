from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from jobs.models.columns import EmptyArray
from jobs.statuses import GroupStatus

#: Users of a group that are counted; where there are more, the count stays at this.
MOST_USERS: Final = 1_000


#: A text is looked for in the messages of so many groups, those that grew last.
LOOKED_THROUGH: Final = 5_000


class DeadLetterGroupQuerySet(models.QuerySet["DeadLetterGroup"]):
    """The desk's questions. None of them looks at a letter."""

    def on_the_desk(self) -> Self:
        """Keep groups that wait for somebody: with open letters, and neither muted nor resolved."""
        return self.filter(open_count__gt=0, status__in=[GroupStatus.OPEN, GroupStatus.TRIAGED])

    def of_queue(self, queue: str) -> Self:
        """Keep groups of which a job has died in this queue."""
        traits = DeadLetterTrait.objects.filter(kind="queue", value=queue).values("error_fingerprint")
        return self.filter(error_fingerprint__in=traits)

    def saying(self, text: str) -> Self:
        """Keep groups with the text in their class or newest message, of the LOOKED_THROUGH that grew last."""
        newest: Any = DeadLetterGroup.objects.order_by("-last_seen_at").values("pk")[:LOOKED_THROUGH]
        return self.filter(Q(error_message__icontains=text) | Q(error_class__icontains=text), pk__in=newest)


class DeadLetterGroup(models.Model):
    """Dead letters of one fingerprint, counted by trigger so that the desk never scans history.

    What people decide about the group as a whole is kept beside the counts. A new letter makes it open again when it
    was resolved, when the time it was muted for is over, or when it died under a version that was not muted.
    """

    error_fingerprint = models.TextField(primary_key=True)
    job_type = models.TextField()
    error_class = models.TextField()
    #: Of the newest letter.
    error_message = models.TextField()
    #: Letters that lie on the desk.
    open_count = models.BigIntegerField(db_default=0)
    total_count = models.BigIntegerField(db_default=0)
    #: Users whose jobs died of it, up to MOST_USERS.
    user_count = models.IntegerField(default=0, db_default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    status = models.TextField(choices=GroupStatus.choices, default=GroupStatus.OPEN, db_default="open")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    note = models.TextField(blank=True, default="", db_default="")
    #: Where else people talk of it: the address of a ticket, or its name.
    ticket = models.TextField(blank=True, default="", db_default="")
    #: A muted group is open again from then on; NULL is not by time.
    muted_until = models.DateTimeField(null=True, blank=True)
    #: A muted group is open again when a job dies of it under any other version; empty is not by version.
    muted_versions = ArrayField(models.TextField(), default=list, db_default=EmptyArray(), blank=True)

    objects = DeadLetterGroupQuerySet.as_manager()

    class Meta:
        db_table = "job_dead_letter_groups"
        ordering: ClassVar = ["-last_seen_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=GroupStatus.values), name="dead_letter_group_status_known"),
            models.CheckConstraint(
                condition=Q(status=GroupStatus.IGNORED) | Q(muted_until__isnull=True, muted_versions=[]),
                name="dead_letter_group_muted",
            ),
        ]
        indexes: ClassVar = [
            models.Index(F("last_seen_at").desc(), name="dead_letter_group_seen"),
            # The desk's first page, however many groups are settled.
            models.Index(F("last_seen_at").desc(), condition=Q(open_count__gt=0), name="dead_letter_group_open"),
        ]

    def __str__(self) -> str:
        return f"{self.job_type} {self.error_class}: {self.error_message[:80]}"


class DeadLetterHour(models.Model):
    """How many letters of a fingerprint came in an hour; kept by trigger for a week or so."""

    pk = models.CompositePrimaryKey("error_fingerprint", "hour")
    error_fingerprint = models.TextField()
    hour = models.DateTimeField()
    count = models.BigIntegerField()

    class Meta:
        db_table = "job_dead_letter_hours"
        ordering: ClassVar = ["error_fingerprint", "hour"]

    def __str__(self) -> str:
        return f"{self.error_fingerprint} {self.hour:%Y-%m-%d %H}: {self.count}"


class DeadLetterTrait(models.Model):
    """What letters of a fingerprint have in common, counted by trigger: their users, versions and queues."""

    pk = models.CompositePrimaryKey("error_fingerprint", "kind", "value")
    error_fingerprint = models.TextField()
    #: "user", "version" or "queue".
    kind = models.TextField()
    value = models.TextField()
    count = models.BigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "job_dead_letter_traits"
        ordering: ClassVar = ["error_fingerprint", "kind", "value"]
        indexes: ClassVar = [
            # The groups of one queue, and what has not been seen for long.
            models.Index(fields=["kind", "value"], name="dead_letter_trait_value"),
            models.Index(fields=["last_seen_at"], name="dead_letter_trait_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}: {self.count}"
