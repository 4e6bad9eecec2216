"""Who wants to know how attempts ended: apps above the queue register here, which knows nothing of them.

Observers are told after the outcome is in the database, in the thread that recorded it. They must be quick and must not
raise: put the news on a queue of your own and return.
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

_observers: Final[list[Observer]] = []


def observe(observer: Observer) -> None:
    """Have the observer told of attempts of jobs that came in through a request; once, however often it is said."""
    if observer not in _observers:
        _observers.append(observer)


def tell(recorded: Sequence[tuple[Attempt, Any]]) -> None:
    """Pass on what has been recorded; jobs that no request submitted are nobody's concern and cost nothing."""
    if not _observers:
        return
    ended = [
        Ended(attempt, outcome)
        for attempt, outcome in recorded
        if attempt.request_id and not isinstance(outcome, Released)
    ]
    if not ended:
        return
    for observer in _observers:
        try:
            observer(ended)
        except Exception:
            _logger.exception("the observer %r failed; the outcomes themselves are recorded", observer)
