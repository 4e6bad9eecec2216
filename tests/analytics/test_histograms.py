"""The error bound, held against exact percentiles; and SQL counts as Python does."""

import random
from collections import Counter
from itertools import chain, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.histograms import ERROR_BOUND, LOWS, MOST, bucket, bucket_value, histogram, merge, percentiles
from tests.analytics.rows import sql

#: Spread over all orders of magnitude, where plain integers would nearly all be long.
DURATIONS = st.one_of(
    st.integers(0, 30), st.integers(0, 31).flatmap(lambda bits: st.integers(0, 2**bits - 1)), st.sampled_from(LOWS)
)
FRACTIONS = st.one_of(st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]), st.floats(0, 1))


def exact(durations: list[int], fraction: float) -> float:
    """percentile_cont, by its definition."""
    values = sorted(durations)
    rank = fraction * (len(values) - 1)
    low, high = values[int(rank)], values[min(int(rank) + 1, len(values) - 1)]
    return low + (rank - int(rank)) * (high - low)


def test_the_bound_is_below_two_percent():
    assert ERROR_BOUND < 0.02


def test_buckets_are_without_gaps_and_no_wider_than_the_bound_allows():
    for low, following in pairwise([*LOWS, MOST + 1]):
        high = following - 1
        number = bucket(low)
        assert bucket(high) == number
        value = bucket_value(number)
        assert abs(value - low) <= ERROR_BOUND * low + 1e-6
        assert abs(value - high) <= ERROR_BOUND * high + 1e-6


def test_short_durations_are_exact():
    assert [bucket_value(bucket(duration)) for duration in range(25)] == list(range(25))


def test_what_is_out_of_range_counts_at_the_ends():
    assert (bucket(-5), bucket(10**12)) == (0, len(LOWS) - 1)


def test_nothing_has_no_percentiles():
    assert percentiles(([], []), [0.5]) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(DURATIONS, min_size=1, max_size=200), FRACTIONS)
@example([0], 1.0)
@example([MOST, MOST], 0.5)
def test_percentiles_are_within_the_bound(durations, fraction):
    (found,) = percentiles(histogram(durations), [fraction])
    # The allowance is for the last bits of floating point only.
    assert abs(found - exact(durations, fraction)) <= ERROR_BOUND * exact(durations, fraction) * (1 + 1e-9)


@pytest.mark.parametrize("shape", ["lognormal", "two humps", "pareto", "constant"])
def test_many_durations_of_usual_shapes(shape):
    dice = random.Random(4)
    draw = {
        "lognormal": lambda: dice.lognormvariate(5, 1.5),
        "two humps": lambda: dice.gauss(3, 1) if dice.random() < 0.5 else dice.gauss(2000, 300),
        "pareto": lambda: 20 * dice.paretovariate(1.1),
        "constant": lambda: 777,
    }[shape]
    durations = [min(MOST, max(0, round(draw()))) for _ in range(20_000)]
    fractions = [0.5, 0.9, 0.95, 0.99, 0.999]
    for fraction, found in zip(fractions, percentiles(histogram(durations), fractions), strict=True):
        assert found == pytest.approx(exact(durations, fraction), rel=ERROR_BOUND)


@given(st.lists(st.lists(DURATIONS, max_size=30), min_size=3, max_size=3))
def test_merging_is_counting_all_at_once_in_any_order(parts):
    first, second, third = map(histogram, parts)
    together = histogram(chain.from_iterable(parts))
    assert merge([first, second, third]) == together
    assert merge([merge([first, second]), third]) == merge([first, merge([second, third])]) == together
    assert merge([third, first, second]) == together


@pytest.mark.django_db
class TestInTheDatabase:
    def test_the_buckets_are_the_same(self):
        assert sql("SELECT analytics.bucket_lows()") == [(list(LOWS),)]
        edges = sorted({low + step for low in LOWS for step in (-1, 0, 1) if 0 <= low + step <= MOST} | {MOST})
        found = sql("SELECT d, analytics.duration_bucket(d) FROM unnest(%s::integer[]) AS d", edges)
        assert found == [(duration, bucket(duration)) for duration in edges]

    def test_their_values_are_the_same_to_the_last_bit(self):
        found = sql("SELECT analytics.bucket_value(n::smallint) FROM generate_series(0, %s) AS n", len(LOWS) - 1)
        assert [value for (value,) in found] == [bucket_value(number) for number in range(len(LOWS))]

    @settings(max_examples=100, deadline=None)
    @given(st.lists(DURATIONS, min_size=1, max_size=60), st.lists(FRACTIONS, min_size=1, max_size=4))
    def test_percentiles_are_the_same_and_near_postgresqls_own(self, durations, fractions):
        numbers, counts = histogram(durations)
        found = sql(
            "SELECT analytics.histogram_percentile(%s::smallint[], %s::bigint[], f),"
            " percentile_cont(f) WITHIN GROUP (ORDER BY d)"
            " FROM unnest(%s::float8[]) AS f, unnest(%s::integer[]) AS d GROUP BY f, f ORDER BY f",
            numbers, counts, sorted(set(fractions)), durations,
        )  # fmt: skip
        ours, theirs = zip(*found, strict=True)
        assert ours == pytest.approx(percentiles((numbers, counts), sorted(set(fractions))), rel=1e-12)
        for our, their in zip(ours, theirs, strict=True):
            assert abs(our - their) <= ERROR_BOUND * their * (1 + 1e-9)

    def test_nothing_has_no_percentile(self):
        assert sql("SELECT analytics.histogram_percentile('{}', '{}', 0.5)") == [(None,)]

    @given(st.lists(DURATIONS, max_size=60))
    @settings(max_examples=50, deadline=None)
    def test_counting_is_the_same(self, durations):
        counted = sql(
            "SELECT analytics.duration_bucket(d), count(*) FROM unnest(%s::integer[]) AS d GROUP BY 1", durations
        )
        assert Counter(dict(counted)) == Counter(map(bucket, durations))
