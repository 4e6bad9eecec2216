"""Jobs that their owners may no longer have done here: the right may have ended while they waited."""

from collections.abc import Set
from typing import Any

from jobs.exceptions import LanguageNotAllowed
from jobs.execution import failure
from jobs.languages import PYTHON
from jobs.outcomes import Attempt
from jobs.worker.hand import Hand


def refuse_barred(hand: Hand, attempts: list[Attempt], barred: Set[Any]) -> list[Attempt]:
    """Settle the attempts of owners who may not use Python, which no retry can mend; give the others."""
    for attempt in attempts:
        if attempt.user_id in barred:
            hand.settle(attempt, failure(attempt, LanguageNotAllowed(PYTHON)))
    return [attempt for attempt in attempts if attempt.user_id not in barred]
