"""A line for each attempt that did not end well; at level DEBUG for all others too."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from jobs import current
from jobs.outcomes import Attempt, Cancelled, Completed, DeadLettered, Outcome, Retry, Snoozed

_logger = logging.getLogger("jobs.attempts")


def say(recorded: Sequence[tuple[Attempt, Outcome]]) -> None:
    """Write the lines of outcomes that are in the database."""
    everything = _logger.isEnabledFor(logging.DEBUG)
    for attempt, outcome in recorded:
        if everything or type(outcome) is not Completed:
            _say(attempt, outcome)


def _say(attempt: Attempt, outcome: Outcome) -> None:
    extra: dict[str, Any] = current.fields(attempt)
    if attempt.started_at is not None:
        extra["seconds"] = round(time.monotonic() - attempt.started_at, 3)
    error = getattr(outcome, "error", None) or {}
    why = f": {error['error_class']}: {error['message']}" if error else ""
    match outcome:
        case Retry():
            _logger.warning("failed, again in %.1f s%s", outcome.delay, why, extra=extra)
        case DeadLettered():
            _logger.error("gave up, a dead letter%s", why, extra=extra)
        case Snoozed() if error:
            _logger.info("put off for %.1f s%s", outcome.delay, why, extra=extra)
        case Cancelled():
            _logger.info("cancelled", extra=extra)
        case _:
            _logger.debug("%s", type(outcome).__name__.lower(), extra=extra)
