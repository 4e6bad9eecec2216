"""What `manage.py doctor` asks of the request log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from analytics import partitions
from analytics.detaching import left_over
from jobs.doctor.asking import rows
from jobs.doctor.checks import check
from jobs.doctor.findings import Finding, critical, ok, warn
from jobs.doctor.tables import Table, table

PARENTS: Final = ("request_logs", "error_logs")
#: Of each log, on the console's page.
MOST_PARTITIONS: Final = 8

_SIZES: Final = """
SELECT c.relname, ARRAY[nullif(c.reltuples, -1)::bigint, pg_total_relation_size(c.oid)]
FROM pg_class c WHERE c.relname = ANY (%s)
"""


def register() -> None:
    check("partitions", "analytics.doctor.look", partitions.alias)
    table(
        Table(
            "partitions",
            _("Partitions of the logs"),
            (
                (_("Log"), "text"),
                (_("Partition"), "text"),
                (_("From"), "moment"),
                (_("To"), "moment"),
                (_("Rows, about"), "number"),
                (_("Size"), "bytes"),
            ),
            "analytics.doctor.partitions_now",
            partitions.alias,
        )
    )


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


def partitions_now() -> list[tuple[Any, ...]]:
    """Give the newest partitions of each log: their bounds, and what they hold by the server's statistics."""
    sizes = dict(rows(_SIZES, [[each.name for each in partitions.existing()]], partitions.alias()))
    return [
        (each.parent, each.name, each.starts, each.ends, *sizes.get(each.name, (None, None)))
        for parent in PARENTS
        for each in _newest(parent)
    ]


def _newest(parent: str) -> list[partitions.Partition]:
    mine = [each for each in partitions.existing() if each.parent == parent and each.starts]
    return sorted(mine, key=lambda each: each.starts or datetime.min.replace(tzinfo=UTC), reverse=True)[
        :MOST_PARTITIONS
    ]
