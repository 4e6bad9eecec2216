"""How searches were answered and what the sync sent: counted in this process, and added up in the database."""

import threading
from collections import Counter, defaultdict
from typing import Final

from jobs.models import EventCount

#: Searches by who answered them: `elasticsearch` or `postgresql`.
ANSWERED: Final = "answered"
#: Searches that PostgreSQL answered in the engine's place, by why.
FELL_BACK: Final = "fell_back"
#: What the engine was sent, by what it did with it: `taken` or `rejected`.
SENT: Final = "sent"
#: Requests of the sync that failed as a whole or in part and are made again, by why.
FAILED: Final = "failed"

_PREFIX: Final = "search_"

_lock: Final = threading.Lock()
_news: Final[Counter[str]] = Counter()


def count(what: str, which: str, number: int = 1) -> None:
    """Add to what this process has seen; it asks nothing of the database. `which` is one of a few words, never text."""
    if number:
        with _lock:
            _news[f"{_PREFIX}{what}:{which}"] += number


def flush() -> None:
    """Add what was counted since the last time to the database; no statement where there is nothing."""
    with _lock:
        news = _news.copy()
        _news.clear()
    if not news:
        return
    try:
        EventCount.objects.note([(name, "", "", number) for name, number in news.items()])
    except BaseException:
        with _lock:
            _news.update(news)
        raise


def totals() -> dict[str, Counter[str]]:
    """Give what all processes have added since ever, by what and which."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, _, _, number in EventCount.objects.filter(name__startswith=_PREFIX).totals():
        what, _, which = name.removeprefix(_PREFIX).partition(":")
        found[what][which] += number
    return found
