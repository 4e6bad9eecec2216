"""Where the lines of a chart's grid are: round numbers up the side, round times along the foot."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Final

from django.utils.formats import date_format
from django.utils.timezone import localtime

#: Steps of a scale of seconds beyond one; below they are decimal.
_SECONDS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)
#: Minutes between two times along the foot, by the minutes that the chart covers.
_FEET: Final = ((60, 15), (24 * 60, 4 * 60), (7 * 24 * 60, 24 * 60))
#: Most lines above the ground.
_MOST: Final = 4


def scale(highest: float, *, seconds: bool = False, whole: bool = False) -> list[float]:
    """Give the values of the grid's lines from nought up, evenly spaced, the last at or above the highest value."""
    if highest <= 0:
        return [0.0, 1.0]
    least = highest / _MOST
    if seconds and least > 1:
        step = float(next((each for each in _SECONDS if each >= least), ceil(least / 86_400) * 86_400))
    else:
        size = 10.0 ** floor(log10(least))
        step = next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= least * (1 - 1e-9))
    if whole:
        step = max(1.0, float(ceil(step)))
    return [step * place for place in range(max(1, ceil(highest / step - 1e-9)) + 1)]


def feet(at: Sequence[datetime], minutes: int) -> list[tuple[float, str]]:
    """Give the round times among these slots, in the operator's zone: where, as a part of the width, and the words."""
    covered = len(at) * minutes
    every = next((step for most, step in _FEET if covered <= most), 24 * 60)
    found = []
    for place, moment in enumerate(at):
        here = localtime(moment)
        today = here.hour * 60 + here.minute
        if today % every < minutes:
            away = timedelta(minutes=today % every) / timedelta(minutes=minutes)
            found.append(((place - away) / len(at), foot(here, covered)))
    return [each for each in found if each[0] >= 0]


def foot(here: datetime, covered: int) -> str:
    return date_format(here, "D j" if covered > 24 * 60 else "H:i")
