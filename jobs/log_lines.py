"""The log lines of jobs: the last ones of each attempt, written down beside the job."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

#: As long as a line gets; the end of a stack says more than its begin.
MESSAGE_MAX_CHARACTERS: Final = 2_000
#: Attempts of a job whose lines are kept, as many as its error history has.
ATTEMPTS_KEPT: Final = 50

# Sorted, so that two workers that write lines of one job after a lost lock wait for each other and do not block.
_KEEP: Final = """
INSERT INTO job_log_lines (job_id, attempt, slot, number, at, level, logger, message)
SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::smallint[], %s::integer[], %s::timestamptz[], %s::text[],
                     %s::text[], %s::text[]) AS line (job_id, attempt, slot, number, at, level, logger, message)
ORDER BY job_id, attempt, slot
ON CONFLICT (job_id, attempt, slot) DO UPDATE
SET number = excluded.number, at = excluded.at, level = excluded.level, logger = excluded.logger,
    message = excluded.message
"""
_FORGET: Final = """
DELETE FROM job_log_lines l USING unnest(%s::uuid[], %s::integer[]) AS begun (job_id, attempt)
WHERE l.job_id = begun.job_id AND l.attempt <= begun.attempt
"""


class Line(NamedTuple):
    """One line of one attempt, scrubbed and cut."""

    job_id: str
    attempt: int
    #: Which line of its attempt it is, from 0.
    number: int
    at: datetime
    level: str
    logger: str
    message: str


def keep(lines: Sequence[Line], most: int) -> None:
    """Write lines down, of each attempt the last `most`; those of attempts that are long past go."""
    # Of one slot only the latest: a statement cannot write a row twice.
    latest = {(line.job_id, line.attempt, line.number % most): line for line in lines}
    rows = [(job_id, attempt, slot, *line[2:]) for (job_id, attempt, slot), line in latest.items()]
    begun = {
        (line.job_id, line.attempt - ATTEMPTS_KEPT)
        for line in lines
        if line.number == 0 and line.attempt > ATTEMPTS_KEPT
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [list(column) for column in zip(*rows, strict=True)])
        if begun:
            cursor.execute(_FORGET, [list(column) for column in zip(*begun, strict=True)])
