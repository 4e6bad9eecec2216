from typing import ClassVar

from django.conf import settings
from django.db import models

from jobs.models.columns import ClockTimestamp, Uuid7, uuid7


class ProviderCall(models.Model):
    """One request to a provider: what it took and what came of it, never what was in it."""

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running"
        ANSWERED = "answered", "Answered"
        #: The provider, or we on its behalf, asked for fewer requests.
        LIMITED = "limited", "Rate limited"
        #: No answer, or one that cannot be read: another try may go well.
        FAILED = "failed", "Failed"
        #: The provider will not do this at all: the key, the model or the request is wrong.
        REFUSED = "refused", "Refused"
        #: It answered, and its text cannot be used.
        UNUSABLE = "unusable", "Unusable"
        #: Whoever made the call is gone.
        LOST = "lost", "Lost"

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=Uuid7(), editable=False)
    provider = models.TextField()
    model = models.TextField(blank=True, default="", db_default="")
    #: What for: "summary", "podcast".
    purpose = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    #: No foreign key: jobs are pruned, and what they spent stays.
    job_id = models.UUIDField(null=True, blank=True)
    input_tokens = models.IntegerField(default=0, db_default=0)
    output_tokens = models.IntegerField(default=0, db_default=0)
    #: In US dollars. Where nobody knows whether the provider charged for it, what was put aside.
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0, db_default=0)
    #: Put aside from the user's allowance before the call: the most that it could cost.
    reserved = models.DecimalField(max_digits=14, decimal_places=8, default=0, db_default=0)
    #: The day of whose allowance, in UTC.
    day = models.DateField()
    seconds = models.FloatField(null=True, blank=True)
    outcome = models.TextField(choices=Outcome.choices, default=Outcome.RUNNING, db_default="running")
    error_code = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    #: A call that still runs then runs no more.
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "ai_calls"
        ordering: ClassVar = ["-id"]
        verbose_name = "provider call"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    outcome__in=["running", "answered", "limited", "failed", "refused", "unusable", "lost"]
                ),
                name="ai_call_outcome_valid",
            ),
        ]
        indexes: ClassVar = [
            # The chore that settles the calls of processes that died.
            models.Index(fields=["expires_at"], condition=models.Q(outcome="running"), name="ai_call_running"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.purpose}: {self.outcome}"
