"""Who wants to know how attempts ended: apps above the queue register here, which knows nothing of them.

Observers are told after the outcome is in the database. Those that are quick and do not raise are told in the thread
that recorded it: they put the news on a queue of their own and return. Others are told at leisure, in a thread that
may take its time.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.outcomes import Attempt, Outcome, Released

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt whose outcome has been recorded."""

    attempt: Attempt
    outcome: Outcome


Observer = Callable[[Sequence[Ended]], None]
#: Which attempts an observer is told of.
Wants = Callable[[Attempt], bool]
#: What a worker gives to have something done in its thread for that.
Later = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class _Registered:
    wants: Wants
    at_leisure: bool


_observers: Final[dict[Observer, _Registered]] = {}


def came_by_a_request(attempt: Attempt) -> bool:
    return attempt.request_id is not None


def observe(observer: Observer, wants: Wants = came_by_a_request, *, at_leisure: bool = False) -> None:
    """Have the observer told of the attempts it wants, by default those of jobs that came in through a request.

    Once, however often it is said. One that is told `at_leisure` may wait for the database or for others.
    """
    _observers[observer] = _Registered(wants, at_leisure)


def tell(recorded: Sequence[tuple[Attempt, Any]], later: Later | None = None) -> None:
    """Pass on what has been recorded; jobs that nobody wants to hear of cost next to nothing.

    Without `later` all observers are told here and now.
    """
    for observer, registered in _observers.items():
        ended = [
            Ended(attempt, outcome)
            for attempt, outcome in recorded
            if registered.wants(attempt) and not isinstance(outcome, Released)
        ]
        if not ended:
            continue
        if registered.at_leisure and later is not None:
            later(lambda observer=observer, ended=ended: _tell(observer, ended))  # type: ignore[misc]
        else:
            _tell(observer, ended)


def _tell(observer: Observer, ended: Sequence[Ended]) -> None:
    try:
        observer(ended)
    except Exception:
        _logger.exception("the observer %r failed; the outcomes themselves are recorded", observer)
