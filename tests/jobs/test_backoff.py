import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.backoff import LONGEST_SECONDS, constant, exponential, lawful


def test_powers_of_two():
    assert [exponential()(n) for n in range(5)] == [1, 2, 4, 8, 16]


def test_another_base():
    assert [exponential(base=3)(n) for n in range(3)] == [1, 3, 9]
    assert exponential(base=1.5)(2) == 2.25


@given(st.floats(1, 1e300), st.integers(0, 100_000))
def test_never_longer_than_the_longest(base, retries):
    assert 1 <= exponential(base)(retries) <= LONGEST_SECONDS
    assert exponential(base, longest=60)(retries) <= 60


def test_jitter_spreads_the_wait():
    waits = {exponential(jitter=0.1)(3) for _ in range(200)}
    assert len(waits) > 100
    assert 7.2 <= min(waits) <= max(waits) <= 8.8


def test_constant():
    assert [constant(7)(n) for n in (0, 1, 50)] == [7, 7, 7]


@pytest.mark.parametrize(
    ("said", "meant"),
    [(5, 5), (0.5, 0.5), (-1, 0), ("3", 3), (math.inf, LONGEST_SECONDS), (math.nan, 1), (None, 1), ("soon", 1)],
)
def test_what_the_database_cannot_hold_is_made_lawful(said, meant):
    assert lawful(said) == meant
