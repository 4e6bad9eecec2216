"""Clocks of hosts beside the database's: no promise depends on them, but logs and tokens of other services do."""

from collections.abc import Iterator
from typing import Final

from jobs.clocks import clock_offset
from jobs.doctor.findings import Finding, graded, ok
from jobs.doctor.workers import alive

#: Seconds.
LIMITS: Final = (2.0, 60.0)


def look() -> Iterator[Finding]:
    told: dict[str, float] = {}
    for hostname, offset in alive().exclude(clock_offset=None).values_list("hostname", "clock_offset"):
        told[hostname] = max(told.get(hostname, 0.0), offset or 0.0, key=abs)
    here = clock_offset()
    found = [finding for host, offset in sorted(told.items()) if (finding := _skew(f"host {host}", offset)).advice]
    found += [finding for finding in [_skew("this host", here)] if finding.advice]
    widest = max([abs(here), *map(abs, told.values())])
    yield from found or [ok(f"The clocks of {len(told)} worker hosts and of this one go within {widest:.2f} seconds.")]


def _skew(who: str, offset: float) -> Finding:
    side = "ahead of" if offset > 0 else "behind"
    return graded(
        abs(offset),
        LIMITS,
        f"The clock of {who} is {abs(offset):.1f} seconds {side} the database's.",
        "On that host, or the database's: timedatectl set-ntp true; chronyc makestep",
    )
