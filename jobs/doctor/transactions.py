"""What holds back vacuum: old transactions, prepared ones among them. Dead rows stay for as long as they last."""

from collections.abc import Iterator
from typing import Any, Final

from jobs.doctor.asking import blind, rows
from jobs.doctor.findings import Finding, graded, lasting, ok

#: Seconds.
LIMITS: Final = (300.0, 3600.0)

_OLD: Final = """
SELECT pid, coalesce(usename, '?'), coalesce(application_name, ''), state, backend_xmin IS NOT NULL,
       extract(epoch FROM clock_timestamp() - xact_start)::float8
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
  AND xact_start < clock_timestamp() - make_interval(secs => %s)
ORDER BY xact_start LIMIT 5
"""
#: What they run is not told: it may hold what nobody should read.
_OLDEST: Final = """
SELECT pid::text, coalesce(usename, ''), coalesce(application_name, ''), coalesce(state, backend_type),
       extract(epoch FROM clock_timestamp() - xact_start)::float8, coalesce(age(backend_xmin), 0)
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
ORDER BY greatest(age(backend_xmin), 0) DESC, xact_start LIMIT 8
"""
_PREPARED: Final = """
SELECT gid, database, owner, extract(epoch FROM clock_timestamp() - prepared)::float8
FROM pg_prepared_xacts
WHERE database = current_database() AND prepared < clock_timestamp() - make_interval(secs => %s)
ORDER BY prepared LIMIT 5
"""


def look() -> Iterator[Finding]:
    found = [*_transactions(), *_prepared()]
    yield from found or [ok(f"No transaction is older than {lasting(LIMITS[0])}.")]
    yield from blind()


def _transactions() -> Iterator[Finding]:
    for pid, user, application, state, holds, seconds in rows(_OLD, [LIMITS[0]]):
        who = f"{application} of {user}" if application else user
        does = "waits idle in a transaction" if str(state).startswith("idle in") else "works in a transaction"
        harm = "vacuum removes nothing that died since" if holds else "its locks stay until it ends"
        yield graded(
            seconds,
            LIMITS,
            f"Process {pid} ({who}) {does} since {lasting(seconds)}: {harm}.",
            f"SELECT pg_terminate_backend({pid}); and for good: ALTER ROLE {user} SET "
            "idle_in_transaction_session_timeout = '10min';",
        )


def _prepared() -> Iterator[Finding]:
    for gid, database, owner, seconds in rows(_PREPARED, [LIMITS[0]]):
        what = f"The prepared transaction {gid} of {owner} in {database} waits for its end since {lasting(seconds)}."
        quoted = str(gid).replace("'", "''")
        yield graded(seconds, LIMITS, what, f"ROLLBACK PREPARED '{quoted}'; (or COMMIT PREPARED), in {database}")


def oldest() -> list[tuple[Any, ...]]:
    """Give the transactions that have been open longest, and by how many others they hold back vacuum."""
    return rows(_OLDEST)
