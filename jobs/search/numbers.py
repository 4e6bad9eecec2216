"""Bounds on columns of whole numbers, whatever number somebody compares them with."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, cast

from jobs.search.language.tree import Bound

#: What the widest column holds, and a `long` of the engine.
MOST: Final = 2**63 - 1


def whole_bounds(low: Bound | None, high: Bound | None) -> tuple[int, int]:
    """Give the first and the last whole number between the bounds; there is none if the first is above the last."""
    return -MOST if low is None else _first(low), MOST if high is None else _last(high)


def _first(low: Bound) -> int:
    value = cast(Decimal, low.value)
    # Before it becomes whole: it may have a million digits.
    if not -MOST <= value <= MOST:
        return MOST + 1 if value > 0 else -MOST
    whole = int(value.to_integral_value(ROUND_CEILING))
    return whole + 1 if whole == value and not low.inclusive else whole


def _last(high: Bound) -> int:
    value = cast(Decimal, high.value)
    if not -MOST <= value <= MOST:
        return MOST if value > 0 else -MOST - 1
    whole = int(value.to_integral_value(ROUND_FLOOR))
    return whole - 1 if whole == value and not high.inclusive else whole
