"""How many jobs went into and out of each queue lately, as the roll-ups by the minute tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.charts import sparkline
from jobs.queue_history import Point, histories

#: Queues with a line of their own; one that has more names than this is read by nobody at a glance.
MOST: Final = 100
#: Minutes by which a pace is judged.
LATELY: Final = 10


@dataclass(frozen=True, slots=True)
class Flow:
    """What one queue was given and what was begun of it, by the minute; None is not known."""

    into: float | None = None
    out: float | None = None
    spark: SafeString | str = ""
    #: The last hour, by the minute.
    points: Sequence[Point] = ()

    @property
    def words(self) -> str:
        if self.into is None or self.out is None:
            return ""
        return _("%(into)s in, %(out)s out a minute") % {"into": _figure(self.into), "out": _figure(self.out)}

    def drains_in(self, due: int) -> float | None:
        """Give the seconds after which nothing is due any more, if all goes on like this; None where it would not."""
        if not due or self.out is None or self.into is None or self.out <= self.into:
            return None
        return 60 * due / (self.out - self.into)


NO_FLOW: Final = Flow()


def flows(names: Iterable[str]) -> dict[str, Flow]:
    """Read the last hour of these queues, all in one query."""
    return {name: _flow(points) for name, points in histories(list(names)[:MOST], "1h").items()}


def _flow(points: list[Point]) -> Flow:
    # The minute that runs is not over.
    known = [point for point in points[-LATELY - 1 : -1] if point.known]
    depths = [float(point.depth) if point.known else None for point in points]
    if not known or not any(point.known and (point.depth or point.started) for point in points):
        return Flow(points=points)
    out = sum(point.started for point in known) / len(known)
    grown = (known[-1].depth - known[0].depth) / max(1, len(known) - 1)
    most = max(depth for depth in depths if depth is not None)
    label = _("Waiting over the last hour: at most %(most)s, now %(now)s") % {
        "most": f"{most:,.0f}",
        "now": f"{known[-1].depth:,}",
    }
    return Flow(max(0.0, out + grown), out, sparkline(depths, label), points)


def _figure(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or rate == int(rate) else f"{rate:.1f}"
