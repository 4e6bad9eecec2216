"""What workers do for the request log now and then."""

import logging
from datetime import UTC, datetime
from typing import Final

from django.conf import settings

from analytics import detaching, partitions, reconciling
from jobs.chores import chore

_logger = logging.getLogger(__name__)

PARTITIONS_SECONDS: Final = 3600.0
COMPLETION_SECONDS: Final = 30.0


def register() -> None:
    chore("log-partitions", PARTITIONS_SECONDS, keep_partitions)
    chore("log-completion", COMPLETION_SECONDS, reconciling.complete_open_rows)


def keep_partitions() -> None:
    """Make the partitions of the coming months, and drop those that are older than the logs are kept."""
    ahead = partitions.months_ahead(datetime.now(UTC))
    if ahead < partitions.FEWEST_AHEAD:
        # Each month this makes one long before it is wanted: for a month or more nobody has done it.
        _logger.error("the request log had partitions for only %s months ahead", max(ahead, 0))
    if made := partitions.create_ahead():
        _logger.info("made partitions of the request log: %s", ", ".join(made))
    if months := settings.LOG_RETENTION_MONTHS:
        drop = detaching.drop_old if detaching.may_detach() else partitions.drop_old
        if gone := drop(months):
            _logger.info("dropped old partitions of the request log: %s", ", ".join(gone))
