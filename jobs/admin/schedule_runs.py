"""What became of the jobs of schedules: the latest of each, as a strip of bars."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin import display
from jobs.statuses import Status

#: Bars of a strip.
MOST: Final = 20
_LATEST: Final = (files("jobs") / "sql" / "queries" / "latest_runs.sql").read_text()

#: How an outcome looks; what is not named has not ended.
TONES: Final = {
    Status.COMPLETED: "good",
    Status.FAILED: "bad",
    Status.DEAD_LETTER: "bad",
    Status.CANCELLED: "rest",
}
_BAR: Final = 6
_HEIGHT: Final = 24


@dataclass(frozen=True, slots=True)
class Run:
    """The job that a schedule has made for one of its times."""

    job_id: UUID
    status: str
    at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        ran = self.started_at is not None and self.ended_at is not None
        return (self.ended_at - self.started_at).total_seconds() if ran else None  # type: ignore[operator]

    @property
    def tone(self) -> str:
        return TONES.get(Status(self.status), "1")


def latest_runs(schedules: Iterable[Any], most: int = MOST) -> dict[UUID, list[Run]]:
    """Give the latest runs of each schedule, the last one last, in one query."""
    found: dict[UUID, list[Run]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"schedules": [schedule.pk for schedule in schedules], "most": most})
        for schedule_id, *run in cursor.fetchall():
            found.setdefault(schedule_id, []).append(Run(*run))
    return found


def strip(runs: Sequence[Run]) -> SafeString:
    """Draw the runs as bars: as high as they took long, and coloured by what became of them."""
    if not runs:
        return display.NOTHING
    longest = max((run.seconds or 0.0 for run in runs), default=0.0) or 1.0
    bars = []
    for place, run in enumerate(runs):
        height = 4 + (_HEIGHT - 4) * (run.seconds or 0.0) / longest
        bars.append(
            f'<rect class="tone-{run.tone}" x="{place * _BAR}" y="{_HEIGHT - height:.1f}" width="{_BAR - 2}"'
            f' height="{height:.1f}" rx="1"/>'
        )
    label, width = in_words(runs), max(len(runs) * _BAR, 1)
    return format_html(
        '<svg class="runs" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}">'
        "<title>{}</title>{}</svg>",
        *(label, width, _HEIGHT, width, _HEIGHT, label),
        # Numbers of our own.
        SafeString("".join(bars)),
    )


def in_words(runs: Sequence[Run]) -> str:
    """Say what became of them, for those who do not see the bars."""
    bad = sum(run.tone == "bad" for run in runs)
    good = sum(run.tone == "good" for run in runs)
    told = {"count": len(runs), "good": good, "bad": bad}
    return _("Last %(count)s runs: %(good)s completed, %(bad)s failed") % told
