"""Connections: how many are used, by whom, and how many our processes may open."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.doctor.asking import one, rows
from jobs.doctor.findings import Finding, graded, ok, warn
from jobs.doctor.workers import alive

#: Of what max_connections leaves to others than superusers.
SHARES: Final = (0.7, 0.9)
#: A worker process holds so many beside one for each handler that uses the database.
BESIDE_HANDLERS: Final = 6

_ROOM: Final = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true), '0')::int
"""
_USED: Final = """
SELECT coalesce(usename, '?'), count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%%')
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC
"""
_BY_ROLE: Final = """
SELECT coalesce(usename, '?'), count(*), count(*) FILTER (WHERE state = 'active'),
       count(*) FILTER (WHERE state LIKE 'idle in transaction%%')
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC
"""


def look() -> Iterator[Finding]:
    (room,) = one(_ROOM)
    used = rows(_USED)
    total = sum(count for _, count, _ in used)
    by_role = ", ".join(f"{role} {count}" for role, count, _ in used[:5])
    idle = sum(count for _, _, count in used)
    yield graded(
        total / room,
        SHARES,
        f"{total} of {room} connections are used ({by_role}); {idle} wait idle in a transaction.",
        "Raise max_connections, lower DATABASE_POOL_SIZE and --concurrency, or put PgBouncer in between.",
    )
    yield _wanted_by_workers(room)


def _wanted_by_workers(room: int) -> Finding:
    wanted = sum(concurrency + BESIDE_HANDLERS for concurrency in alive().values_list("concurrency", flat=True))
    what = f"The workers may open up to {wanted} connections, of {room} for all."
    if wanted < room:
        return ok(what)
    return warn(what, "Lower --concurrency or --processes of the workers, or raise max_connections.")


def by_role() -> list[tuple[Any, ...]]:
    """Give how many connections each role has, and all of them together."""
    (room,) = one(_ROOM)
    found = rows(_BY_ROLE)
    together = [sum(row[place] for row in found) for place in (1, 2, 3)]
    return [*((*row, None) for row in found[:8]), ("all", *together, room)]
