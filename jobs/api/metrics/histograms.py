from collections.abc import Sequence
from itertools import accumulate


def buckets_of(bounds: Sequence[float], numbers: Sequence[int]) -> list[tuple[str, float]]:
    """Give a histogram's numbers as Prometheus wants them: cumulative, under the texts of their upper bounds."""
    whole = [*numbers, *[0] * (len(bounds) + 1)][: len(bounds) + 1]
    return list(zip([*map(str, bounds), "+Inf"], map(float, accumulate(whole)), strict=True))
