"""Charts as the page's script draws them: moments, and lines of values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django_stubs_ext import StrOrPromise

from analytics.answers import Answer
from analytics.figures import Named
from analytics.periods import Granularity

Value = Callable[[Named], Any]


@dataclass(frozen=True, slots=True)
class Line:
    label: StrOrPromise
    value: Value
    #: Which of the theme's colours: 1 to 4, bad, before.
    tone: str = "1"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    title: StrOrPromise
    data: dict[str, Any]

    @property
    def element(self) -> str:
        """Name the element that holds the data."""
        return f"{self.name}-data"


def chart(
    answer: Answer,
    over_time: list[Named],
    name: str,
    title: StrOrPromise,
    unit: str,
    lines: list[Line],
    *,
    filled: bool = False,
) -> Chart:
    """Draw lines over the hours or days of what is asked; `unit` is ms, percent or count."""
    moments = answer.question.period.slots()
    # What has not been rolled up is not nothing: the line ends there.
    through = answer.data_through or answer.question.period.begin
    series = [
        {
            "label": str(line.label),
            "tone": line.tone,
            "dashed": line.dashed,
            "values": [line.value(row) if line.dashed or row["time"] < through else None for row in over_time],
        }
        for line in lines
    ]
    data = {
        "unit": unit,
        "hourly": answer.question.period.granularity is Granularity.HOUR,
        "filled": filled,
        "times": [_seconds(at) for at in moments],
        "series": series,
    }
    return Chart(name, title, data)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
