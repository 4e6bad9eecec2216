from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import connections, models

# Several processes add to one row; the ORM has no upsert that adds.
_ADD: Final = """
INSERT INTO ai_provider_days AS d
    (day, provider, outcome, calls, fallbacks, input_tokens, output_tokens, cost, seconds)
VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (day, provider, outcome) DO UPDATE
SET calls = d.calls + excluded.calls, fallbacks = d.fallbacks + excluded.fallbacks,
    input_tokens = d.input_tokens + excluded.input_tokens, output_tokens = d.output_tokens + excluded.output_tokens,
    cost = d.cost + excluded.cost, seconds = d.seconds + excluded.seconds
"""


class ProviderDayQuerySet(models.QuerySet["ProviderDay"]):
    def count_call(
        self,
        provider: str,
        outcome: str,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cost: Decimal = Decimal(0),
        seconds: float = 0.0,
    ) -> None:
        """Add one call to today's row."""
        self._add([provider, outcome, 1, 0, input_tokens, output_tokens, cost, seconds])

    def count_fallback(self, provider: str, outcome: str) -> None:
        """Add that we went on to the next provider because of a call that has been counted."""
        self._add([provider, outcome, 0, 1, 0, 0, 0, 0.0])

    def totals(self) -> list[dict[str, Any]]:
        """Give what was asked of each provider since ever, by outcome: sums that never fall."""
        sums = ("calls", "fallbacks", "input_tokens", "output_tokens", "cost", "seconds")
        grouped = self.order_by().values("provider", "outcome")
        return [dict(row) for row in grouped.annotate(**{f"all_{name}": models.Sum(name) for name in sums})]

    def _add(self, values: list[Any]) -> None:
        with connections[self.db].cursor() as cursor:
            cursor.execute(_ADD, values)


class ProviderDay(models.Model):
    """What was asked of a provider on one day (UTC), by outcome: what /metrics and the admin show."""

    pk = models.CompositePrimaryKey("day", "provider", "outcome")
    day = models.DateField()
    provider = models.TextField()
    #: As of calls, and "skipped": not asked, because its circuit is open, or it or the user is at a limit.
    outcome = models.TextField()
    calls = models.BigIntegerField(db_default=0)
    #: How many of them made us go on to the next provider.
    fallbacks = models.BigIntegerField(db_default=0)
    input_tokens = models.BigIntegerField(db_default=0)
    output_tokens = models.BigIntegerField(db_default=0)
    #: In US dollars.
    cost = models.DecimalField(max_digits=18, decimal_places=8, db_default=0)
    #: That the calls took together.
    seconds = models.FloatField(db_default=0.0)

    objects = ProviderDayQuerySet.as_manager()

    class Meta:
        db_table = "ai_provider_days"
        ordering: ClassVar = ["-day", "provider", "outcome"]

    def __str__(self) -> str:
        return f"{self.day} {self.provider} {self.outcome}: {self.calls}"
