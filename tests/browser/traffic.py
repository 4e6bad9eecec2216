"""Eight days of requests at an article reader, with nights, a busy noon, and an hour in which a provider was down."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import cos, pi
from random import Random

from django.utils.timezone import now

from tests.analytics.rows import Failure, Request, lay, roll_up

DAYS = 8
#: language_title, share, median duration in ms, part answered from the cache.
FUNCTIONS = (
    ("python-summarize", 0.55, 420, 0.3),
    ("python-extract_content", 0.3, 900, 0.0),
    ("node-thumbnail", 0.15, 65, 0.6),
)
USERS = ("crawler", "mei.tanaka", "print-edition")


def build(requests: int = 1800) -> datetime:
    """Lay the requests into the log and roll them up; gives the begin of the hour in which the provider was down."""
    random = Random(7)
    end = now().replace(minute=0, second=0, microsecond=0)
    down = end - timedelta(hours=6)
    moments = sorted(_moments(random, end, requests))
    lay([_request(random, at, down) for at in moments])
    roll_up(end)
    return down


def _moments(random: Random, end: datetime, requests: int) -> Iterator[datetime]:
    found = 0
    while found < requests:
        at = end - timedelta(days=DAYS * random.random())
        if random.random() < 0.55 - 0.45 * cos((at.hour + at.minute / 60 - 2) / 12 * pi):
            found += 1
            yield at


def _request(random: Random, at: datetime, down: datetime) -> Request:
    title, _, median, cached_part = random.choices(FUNCTIONS, [share for _, share, _, _ in FUNCTIONS])[0]
    cached = random.random() < cached_part
    broken = random.random() < (0.5 if down <= at < down + timedelta(hours=1) else 0.02)
    status = (504 if random.random() < 0.6 else 500) if broken and not cached else 200
    return Request(
        at,
        language_title=title,
        user_id=random.choice(USERS),
        status_code=status,
        duration_ms=max(1, round(2 * random.random())) if cached else round(median * random.lognormvariate(0, 0.6)),
        cached=cached,
        runtime_metrics=None if cached else {"memory_usage_mb": 60 + median / 20, "cpu_usage_percent": 35.0},
        failures=[Failure("TimeoutError" if status == 504 else "RateLimitError")] if status >= 500 else [],
    )
