"""Durations counted in buckets that widen with their values: small, mergeable, with percentiles of a known error.

Percentiles of parts say nothing of the percentile of the whole, so hours keep histograms: those of a day are the sums
of its hours' counts. The buckets are those of DDSketch (Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable
quantile sketch with relative-error guarantees", VLDB 2019), with bounds in whole milliseconds:

    low(0) = 0    low(1) = 1    low(n + 1) = ⌊low(n) · 26/25⌋ + 1

so that the largest value of a bucket is at most 1.04 times its smallest. A bucket stands for the value
2 · low · high / (low + high), which is off by (high − low) / (high + low) ≤ 0.04 / 2.04 = 1.96 % at either end. Up to
24 ms each millisecond has a bucket of its own, and so has 0: there nothing is off. 2^31 − 1 ms, 25 days, is the last
value; the column holds no longer one.

A percentile lies between two neighbouring ranks, as percentile_cont has it. Both are off by at most 1.96 %, hence so is
what lies between them.

The SQL functions duration_bucket(), bucket_value() and histogram_percentile() compute the same.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

#: A percentile is at most this part of the exact one away from it.
ERROR_BOUND: Final = 0.04 / 2.04
MOST: Final = 2**31 - 1


def _lows() -> tuple[int, ...]:
    lows = [0, 1]
    while (low := lows[-1] * 26 // 25 + 1) <= MOST:
        lows.append(low)
    return tuple(lows)


#: The smallest value of each bucket.
LOWS: Final = _lows()

_VALUES: Final = (0.0, *(2.0 * low * (low * 26 // 25) / (low + low * 26 // 25) for low in LOWS[1:]))

Histogram = tuple[Sequence[int], Sequence[int]]
"""The numbers of the buckets, rising, and how many values fell into each."""


def bucket(milliseconds: int) -> int:
    """Give the number of the bucket that the duration falls into."""
    return bisect_right(LOWS, min(max(milliseconds, 0), MOST)) - 1


def bucket_value(number: int) -> float:
    """Give the value that stands for all of a bucket."""
    return _VALUES[number]


def histogram(durations: Iterable[int]) -> Histogram:
    """Count durations."""
    counts: dict[int, int] = {}
    for duration in durations:
        number = bucket(duration)
        counts[number] = counts.get(number, 0) + 1
    return _sorted(counts)


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Give the histogram of all their values together."""
    counts: dict[int, int] = {}
    for numbers, more in histograms:
        for number, count in zip(numbers, more, strict=True):
            counts[number] = counts.get(number, 0) + count
    return _sorted(counts)


def percentiles(counted: Histogram, fractions: Sequence[float]) -> list[float] | None:
    """Give the percentile of each fraction (0.95), interpolated like percentile_cont; None of nothing."""
    numbers, counts = counted
    running = list(accumulate(counts))
    if not running or not running[-1]:
        return None
    return [_percentile(numbers, running, fraction) for fraction in fractions]


def _percentile(numbers: Sequence[int], running: Sequence[int], fraction: float) -> float:
    rank = fraction * (running[-1] - 1)
    below = int(rank)
    place = bisect_right(running, below)
    low = _VALUES[numbers[place]]
    # Mostly both ranks are in one bucket.
    if rank == below or running[place] > below + 1:
        return low
    return low + (rank - below) * (_VALUES[numbers[place + 1]] - low)


def _sorted(counts: dict[int, int]) -> Histogram:
    numbers = sorted(counts)
    return numbers, [counts[number] for number in numbers]
