"""Replication that keeps what nobody fetches: slots, and stand-bys that tell how far back they read."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import rows
from jobs.doctor.findings import Finding, graded, ok, warn

#: Transactions that it lags behind.
AGES: Final = (1_000_000.0, 50_000_000.0)
#: Bytes of write-ahead log that are kept for it.
KEPT: Final = (2e9, 20e9)

_SLOTS: Final = """
SELECT slot_name, active, greatest(age(xmin), age(catalog_xmin), 0),
       CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 ELSE 0 END
FROM pg_replication_slots
"""
_STANDBYS: Final = """
SELECT coalesce(application_name, client_addr::text), age(backend_xmin)
FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
"""


def look() -> Iterator[Finding]:
    slots, standbys = rows(_SLOTS), rows(_STANDBYS)
    found = [finding for slot in slots for finding in _slot(*slot)]
    for name, age in standbys:
        what = f"Queries on the stand-by {name} hold back vacuum by {age:,} transactions."
        found.append(
            graded(age, AGES, what, "On the stand-by: end its oldest query, or set hot_standby_feedback = off.")
        )
    bad = [finding for finding in found if finding.advice]
    yield from bad or [ok(f"{len(slots)} replication slots and {len(standbys)} stand-bys hold nothing back.")]


def _slot(name: str, active: bool, age: int, kept: float | None) -> Iterator[Finding]:
    drop = f"Start what reads it, or SELECT pg_drop_replication_slot('{name}');"
    kept = kept or 0.0
    if age >= AGES[0]:
        yield graded(age, AGES, f"The replication slot {name} holds back vacuum by {age:,} transactions.", drop)
    if kept >= KEPT[0]:
        yield graded(kept, KEPT, f"The replication slot {name} keeps {kept / 1e9:.1f} GB of write-ahead log.", drop)
    elif not active:
        yield warn(f"Nobody reads the replication slot {name}: the log that it keeps only grows.", drop)
