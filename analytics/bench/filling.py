"""Requests in bulk, unlike one another as those of a busy site: a few functions and users make most of them."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from math import cos, pi
from random import Random
from typing import Final

from analytics.bench import month

FUNCTIONS: Final = 24
USERS: Final = 200
FUNCTIONS_OF_USER: Final = 6
#: Requests that differ in all but their time; rows are drawn from these.
KINDS: Final = 20_000
AT_ONCE: Final = 50_000
ERRORS: Final = ("ValueError", "TimeoutError", "ConnectionError", "FetchError")

_REQUESTS: Final = (
    "COPY request_logs (id, request_id, timestamp, language_title, user_id, client_ip, status_code, duration_ms,"
    " cached, request_payload, runtime_metrics) FROM STDIN"
)
_ERRORS: Final = (
    "COPY error_logs (request_log_id, request_timestamp, timestamp, user_id, error_code, error_message) FROM STDIN"
)

_NULL: Final = "\\N"
_FIRST: Final = int(month.BEGIN.timestamp() * 1000)

Tick = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Kind:
    tail: str
    user_id: str
    error: str


def fill(rows: int, tick: Tick) -> float:
    """Write so many requests, and an error for each that failed; gives the seconds it took."""
    dice = Random(42)  # noqa: S311
    kinds = [_kind(dice) for _ in range(KINDS)]
    begun = time.perf_counter()
    for requests, errors in _batches(rows, kinds, dice):
        month.copy(_REQUESTS, requests)
        month.copy(_ERRORS, errors)
        tick("filling", len(requests))
    return time.perf_counter() - begun


def _kind(dice: Random) -> Kind:
    user = int(USERS * dice.random() ** 3)
    function = (user * 7 + int(FUNCTIONS_OF_USER * dice.random() ** 2)) % FUNCTIONS
    fate = dice.random()
    cached, status = fate < 0.1, 500 if 0.1 <= fate < 0.13 else 504 if 0.13 <= fate < 0.14 else 200
    duration = int(dice.lognormvariate(1, 0.5)) if cached else int(dice.lognormvariate(3 + function / 6, 0.8))
    metrics = {
        "queue_wait_ms": dice.randrange(40), "run_ms": duration, "cpu_ms": duration // 3, "attempts": 1,
        "memory_usage_mb": round(dice.uniform(1, 200), 1), "cpu_usage_percent": round(dice.uniform(1, 100), 1),
    }  # fmt: skip
    tail = (
        f"python-bench{function}\tbench{user}\t192.0.2.7\t{status}\t{duration}\t{'t' if cached else 'f'}\t"
        f'{{"n": {dice.randrange(1000)}}}\t{_NULL if cached else json.dumps(metrics)}\n'
    )
    return Kind(tail, f"bench{user}", dice.choice(ERRORS) if status >= 500 else "")


def _batches(rows: int, kinds: list[Kind], dice: Random) -> Iterator[tuple[list[str], list[str]]]:
    """Give lines in the order of time; days are busier than nights."""
    weights = list(accumulate(1.2 + cos(2 * pi * (hour.hour - 14) / 24) for hour in month.hours()))
    written = 0
    for hour, weight in zip(month.hours(), weights, strict=True):
        until = round(rows * weight / weights[-1])
        for first in range(written, until, AT_ONCE):
            number = min(AT_ONCE, until - first)
            begin, step = (first - written) / (until - written), 1 / (until - written)
            yield _lines(hour.timestamp(), begin, step, dice.choices(kinds, k=number))
        written = until


def _lines(hour: float, begin: float, step: float, kinds: list[Kind]) -> tuple[list[str], list[str]]:
    requests, errors = [], []
    for place, kind in enumerate(kinds):
        milliseconds = int(hour * 1000 + 3_600_000 * (begin + step * place))
        # A UUIDv7, with a counter where others have random bits.
        row_id = f"{milliseconds:012x}70008{int(begin / step) + place:015x}"
        at = _moment(milliseconds)
        requests.append(f"{row_id}\t{row_id}\t{at}\t{kind.tail}")
        if kind.error:
            errors.append(f"{row_id}\t{at}\t{at}\t{kind.user_id}\t{kind.error}\tit failed\n")
    return requests, errors


def _moment(milliseconds: int) -> str:
    at = month.BEGIN + timedelta(milliseconds=milliseconds - _FIRST)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}+00"
