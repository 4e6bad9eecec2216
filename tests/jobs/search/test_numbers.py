"""Whole numbers between any two numbers."""

from decimal import Decimal
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from jobs.search.language.tree import Bound
from jobs.search.numbers import MOST, whole_bounds

NEAR = st.sampled_from(["-2", "-1.5", "-1", "0", "0.5", "1", "1.5", "2", "1e999999", "-1e999999", "1e-999999"]).map(
    Decimal
)
BOUNDS = st.none() | st.builds(Bound, NEAR, st.booleans())


def fits(low: Bound | None, high: Bound | None, value: Decimal) -> bool:
    above = low is None or value > cast(Decimal, low.value) or (low.inclusive and value == low.value)
    return above and (high is None or value < cast(Decimal, high.value) or (high.inclusive and value == high.value))


@given(BOUNDS, BOUNDS)
def test_the_same_numbers_are_inside(low: Bound | None, high: Bound | None) -> None:
    first, last = whole_bounds(low, high)
    for value in (-MOST, -3, -2, -1, 0, 1, 2, 3, MOST):
        assert (first <= value <= last) == fits(low, high, Decimal(value))
    assert -MOST <= first <= MOST + 1
    assert -MOST - 1 <= last <= MOST
