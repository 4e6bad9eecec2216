"""What processes have seen of Redis, counted in the database: each process sees only its own part."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from accounts.redis_link import redis_link
from jobs.models import EventCount

_LOSS: Final = "redis_loss"
_REFUSAL: Final = "redis_refusal"
_FALLBACK: Final = "redis_fallback:"

_lock: Final = threading.Lock()
_told: Final[Counter[str]] = Counter()


@dataclass(slots=True)
class RedisTotals:
    """Since ever, of all processes that have told."""

    losses: int = 0
    refusals: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)


def flush() -> None:
    """Add what this process has seen since the last time; no statement where nothing went wrong."""
    link = redis_link()
    if link is None:
        return
    state = link.state
    seen = {_LOSS: state.losses, _REFUSAL: state.refusals}
    seen |= {f"{_FALLBACK}{purpose}": count for purpose, count in state.fallbacks.copy().items()}
    with _lock:
        news = {name: count - _told[name] for name, count in seen.items() if count > _told[name]}
        if news:
            EventCount.objects.note([(name, "", "", count) for name, count in news.items()])
            _told.update(news)


def totals() -> RedisTotals:
    """Give what all processes have told."""
    found = RedisTotals()
    for name, _, _, count in EventCount.objects.filter(name__startswith="redis_").totals():
        if name == _LOSS:
            found.losses += count
        elif name == _REFUSAL:
            found.refusals += count
        else:
            found.fallbacks[name.removeprefix(_FALLBACK)] += count
    return found
