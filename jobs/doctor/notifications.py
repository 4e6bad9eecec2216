"""The queue of NOTIFY: while a listener sits in a transaction it grows, and full it fails every submission."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import one
from jobs.doctor.findings import Finding, graded

SHARES: Final = (0.1, 0.5)


def look() -> Iterator[Finding]:
    (used,) = one("SELECT pg_notification_queue_usage()")
    yield graded(
        used,
        SHARES,
        f"{used:.2%} of the queue for notifications is used.",
        "SELECT pid, application_name, xact_start FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
        "ORDER BY xact_start; and SELECT pg_terminate_backend(pid) for the one that listens.",
    )
