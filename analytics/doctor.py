"""What `manage.py doctor` asks of the request log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from analytics import partitions
from analytics.detaching import left_over
from jobs.doctor.checks import check
from jobs.doctor.findings import Finding, critical, ok, warn

PARENTS: Final = ("request_logs", "error_logs")


def register() -> None:
    check("partitions", "analytics.doctor.look", partitions.alias)


def look() -> Iterator[Finding]:
    """Look for periods without a partition, and for what an interrupted drop has left."""
    existing = partitions.existing()
    found = []
    for parent in PARENTS:
        mine = [each for each in existing if each.parent == parent]
        found += [*_missing(parent, mine), *_detaching(mine)]
    found += [warn(f"The old partition {name} was detached and not dropped.", _DROP) for name in left_over()]
    yield from found or [ok(f"{len(existing)} partitions of the request log reach far enough ahead, without a gap.")]


_MAKE: Final = "manage.py partitions --ahead 3"
_DROP: Final = "manage.py partitions --drop-older-than 3 (whole months that are kept)"


def _missing(parent: str, existing: list[partitions.Partition]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    # What is being detached takes no rows any more.
    spans = sorted((p.starts, p.ends) for p in existing if p.starts and p.ends and not p.detaching)
    if not any(starts <= now < ends for starts, ends in spans):
        yield critical(f"{parent} has no partition for now: each row has to have it made first.", _MAKE)
    reach = now
    for starts, ends in spans:
        if starts <= reach < ends:
            reach = ends
    months = (reach.year - now.year) * 12 + reach.month - now.month - 1
    if months < partitions.FEWEST_AHEAD:
        yield warn(f"{parent} has partitions for {max(0, months)} whole months ahead, without a gap.", _MAKE)


def _detaching(existing: list[partitions.Partition]) -> Iterator[Finding]:
    for partition in existing:
        if partition.detaching:
            finalize = f"ALTER TABLE {partition.parent} DETACH PARTITION {partition.name} FINALIZE;"
            yield warn(f"The detach of {partition.name} was interrupted; nobody sees its rows.", finalize)
