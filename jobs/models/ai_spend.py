from typing import ClassVar

from django.conf import settings
from django.db import models


class DailySpend(models.Model):
    """What one user has spent on one day, with what is put aside for calls under way. Without a user: all such jobs."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    #: In UTC.
    day = models.DateField()
    #: In US dollars.
    amount = models.DecimalField(max_digits=14, decimal_places=8, default=0, db_default=0)

    class Meta:
        db_table = "ai_daily_spend"
        ordering: ClassVar = ["-day", "user"]
        constraints: ClassVar = [
            # The day first: old days are deleted.
            models.UniqueConstraint(fields=["day", "user"], nulls_distinct=False, name="ai_daily_spend_once"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="ai_daily_spend_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}: {self.amount}"
