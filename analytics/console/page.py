from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from analytics.answers import Answer
from analytics.console.cells import Table, Tile, moment_of
from analytics.console.charts import Chart
from analytics.periods import Period

NOTHING_YET = _("Nothing has been rolled up yet: a worker does so a minute after it has started.")
NOTHING_THERE = _("No request was logged in this time. Choose a longer one, or another function.")


@dataclass(frozen=True, slots=True)
class Page:
    """What one page shows of an answer."""

    answer: Answer
    tiles: list[Tile]
    charts: list[Chart]
    tables: list[Table] = field(default_factory=list)

    @property
    def data_through(self) -> datetime | None:
        return self.answer.data_through

    @property
    def granularity(self) -> str:
        return self.answer.question.period.granularity.value

    @property
    def span(self) -> str:
        return span(self.answer.question.period)

    @property
    def before(self) -> str:
        question = self.answer.question
        return span(question.period.previous()) if question.compare else ""

    @property
    def unfinished(self) -> bool:
        """Whether figures of the period's last hour or day are still to come."""
        through = self.answer.data_through
        return through is not None and through < self.answer.question.period.end

    @property
    def empty(self) -> StrOrPromise:
        if self.answer.data_through is None:
            return NOTHING_YET
        return "" if self.answer.totals["requests"] else NOTHING_THERE


def span(period: Period) -> str:
    """Say from when to when; days as they stand in a calendar, the last one included."""
    hourly = period.granularity.value == "hour"
    last = period.end if hourly else period.end - timedelta(days=1)
    words = _("{begin} to {end} UTC")
    return words.format(begin=moment_of(period.begin, hourly=hourly), end=moment_of(last, hourly=hourly))
