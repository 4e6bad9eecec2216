"""Dead letters: how many wait for a person, and whether they pile up just now."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import one, rows
from jobs.doctor.findings import Finding, graded, ok, warn

#: New ones of the last hour.
HOURLY: Final = (10.0, 500.0)
MOST: Final = 1_000
OLD_DAYS: Final = 7

# By the index of what is open, newest first: ids are in the order of time.
_NEW: Final = """
SELECT count(*) FROM (SELECT moved_at FROM job_dead_letter_queue WHERE resolution_status IN ('open', 'triaged')
                      ORDER BY id DESC LIMIT %s) d WHERE moved_at > clock_timestamp() - interval '1 hour'
"""
_OLDEST: Final = """
SELECT extract(day FROM clock_timestamp() - moved_at)::int FROM job_dead_letter_queue
WHERE resolution_status IN ('open', 'triaged') ORDER BY id LIMIT 1
"""
_OPEN: Final = "SELECT coalesce(sum(open_count), 0)::bigint FROM job_dead_letter_groups WHERE open_count > 0"
_LARGEST: Final = """
SELECT job_type, error_class, open_count FROM job_dead_letter_groups WHERE open_count > 0
ORDER BY last_seen_at DESC LIMIT 1
"""


def look() -> Iterator[Finding]:
    (open_,) = one(_OPEN)
    (new,) = one(_NEW, [MOST])
    latest = rows(_LARGEST)
    of = f", the latest of {latest[0][0]} ({latest[0][1]}, {latest[0][2]:,} alike)" if latest else ""
    found = []
    if new >= HOURLY[0]:
        what = f"{'At least ' if new >= MOST else ''}{new:,} dead letters came in the last hour{of}."
        found.append(
            graded(new, HOURLY, what, "Pause the queue, mend the cause, then redrive the group: /admin/ → Dead letters")
        )
    oldest = rows(_OLDEST)
    if oldest and oldest[0][0] >= OLD_DAYS:
        what = f"{open_:,} dead letters are open, the oldest for {oldest[0][0]} days."
        found.append(warn(what, "Redrive, resolve or discard them: /admin/ → Dead letters"))
    yield from found or [ok(f"{open_:,} dead letters are open, {new:,} of them from the last hour.")]
